//! The mailer's own settings.

use common::sealing::Sealer;
use std::time::Duration;

/// Deadlines of mails are days or minutes; nobody waits for housekeeping.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(5);
/// Its name is said where content does not open.
pub const ENCRYPTION_KEY: &str = "MAIL_ENCRYPTION_KEY";

common::settings! {
    #[derive(Clone)]
    pub struct Settings {
        /// Seals the content of mails that wait.
        pub sealer: Sealer = with(|env| Sealer::read(env, ENCRYPTION_KEY, "MAIL_ENCRYPTION_KEYS_PREVIOUS")),
        /// Sender of every mail, such as `Acme <no-reply@acme.example>`; verified in SES.
        pub mail_from: String = required("MAIL_FROM"),
        /// SES configuration set whose events come back through the topic `ses-feedback`; `mailer bootstrap` makes it.
        /// By default it is called what `RESOURCE_PREFIX` says.
        pub configuration_set: Option<String> = optional("SES_CONFIGURATION_SET"),
        /// Where SES is, if elsewhere than the rest of AWS; the SDK's own name for it.
        pub ses_endpoint: Option<String> = optional("AWS_ENDPOINT_URL_SESV2"),
        /// Between two rounds of housekeeping; what tests make shorter.
        pub housekeeping: Duration = with(|_| Some(HOUSEKEEPING_EVERY)),
    }
}

common::settings! {
    /// What `mailer bootstrap` needs to know.
    #[derive(Clone, Debug)]
    pub struct Bootstrap {
        /// Sender of every mail.
        pub mail_from: String = required("MAIL_FROM"),
        /// Begins the names of topics and queues.
        pub resource_prefix: String = or("RESOURCE_PREFIX", "sevenleague"),
        /// SES configuration set to be made; by default it is called what `RESOURCE_PREFIX` says.
        pub configuration_set: Option<String> = optional("SES_CONFIGURATION_SET"),
        /// The account of AWS that the topic is in.
        pub aws_account_id: String = required("AWS_ACCOUNT_ID"),
    }
}
