//! What was the mailer told by its environment?

use crate::housekeeping;
use common::{
    config::{Base, Database, Env},
    sealing::Sealer,
};
use std::time::Duration;

/// Its name is said where content does not open.
pub const ENCRYPTION_KEY: &str = "MAIL_ENCRYPTION_KEY";

#[derive(Clone)]
pub struct Config {
    pub base: Base,
    pub database: Database,
    /// Seals the content of mails that wait (`MAIL_ENCRYPTION_KEY`, 32 bytes in base64).
    pub sealer: Sealer,
    /// Sender of every mail, such as `Acme <no-reply@acme.example>`; verified in SES.
    pub mail_from: String,
    /// SES configuration set whose events come back through the `ses-feedback` topic; `mailer bootstrap` makes it.
    pub configuration_set: String,
    /// Where SES is, if elsewhere than the rest of AWS; the SDK's own name for it.
    pub ses_endpoint: Option<String>,
    /// Between two rounds of housekeeping; what tests make shorter.
    pub housekeeping: Duration,
}

pub fn read(env: &mut Env) -> Option<Config> {
    let base = Base::read(env, "mailer", 8005);
    let database = Database::read(env);
    let sealer = env.key(ENCRYPTION_KEY).map(|key| Sealer::new(&key));
    let mail_from = env.required("MAIL_FROM");
    let default_set = base.as_ref().map(|base| base.resource_prefix.clone()).unwrap_or_default();
    let configuration_set = env.or("SES_CONFIGURATION_SET", default_set);
    let ses_endpoint = env.optional("AWS_ENDPOINT_URL_SESV2");
    Some(Config {
        base: base?,
        database: database?,
        sealer: sealer?,
        mail_from: mail_from?,
        configuration_set: configuration_set?,
        ses_endpoint: ses_endpoint?,
        housekeeping: housekeeping::EVERY,
    })
}

/// What `mailer bootstrap` needs to know.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    pub mail_from: String,
    pub configuration_set: String,
    pub resource_prefix: String,
    pub aws_account_id: String,
}

pub fn read_bootstrap(env: &mut Env) -> Option<Bootstrap> {
    let mail_from = env.required::<String>("MAIL_FROM");
    let resource_prefix = env.or("RESOURCE_PREFIX", "sevenleague".to_owned());
    let configuration_set = env.or("SES_CONFIGURATION_SET", resource_prefix.clone().unwrap_or_default());
    let aws_account_id = env.required("AWS_ACCOUNT_ID");
    Some(Bootstrap {
        mail_from: mail_from?,
        configuration_set: configuration_set?,
        resource_prefix: resource_prefix?,
        aws_account_id: aws_account_id?,
    })
}
