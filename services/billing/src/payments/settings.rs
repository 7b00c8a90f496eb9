//! Settings of payments, and what is made of them.

use super::stripe::Stripe;
use chrono::TimeDelta;
use common::config::Env;
use contracts::public_url::PublicUrl;
use secrecy::{ExposeSecret, SecretString};

/// Live secrets of one endpoint: while it is rotated Stripe signs with both.
const MOST_WEBHOOK_SECRETS: usize = 2;

common::settings! {
    #[derive(Clone, Debug)]
    pub struct PaymentSettings {
        /// Where Stripe's API is.
        pub stripe_url: PublicUrl = or("STRIPE_URL", "https://api.stripe.com"),
        /// Stripe's secret or restricted key (`sk_…`, `rk_…`), always of the same account and mode. A restricted one
        /// must be able to read its account, and to write customers, payment methods, SetupIntents and PaymentIntents.
        /// Without one invoices are paid by bank transfer.
        pub stripe_key: Option<SecretString> = optional_secret("STRIPE_SECRET_KEY"),
        /// The secrets that Stripe signs its webhooks with (`whsec_…`): one, or two while it is rotated,
        /// comma-separated. Needed with a key.
        pub webhook_secrets: Option<SecretString> = optional_secret("STRIPE_WEBHOOK_SECRETS"),
        /// Days that a bank transfer may take from the number of an invoice on.
        pub due_days: i64 = between("INVOICE_DUE_DAYS", 14, 1..=180),
    }
}

impl PaymentSettings {
    /// As [`PaymentSettings::read`], checked against each other.
    pub fn checked(env: &mut Env) -> Option<Self> {
        let settings = Self::read(env)?;
        let key = settings.stripe_key.as_ref().map(ExposeSecret::expose_secret);
        if key.is_some_and(|key| !has_form(key, &["sk_", "rk_"])) {
            env.fault("STRIPE_SECRET_KEY must be a secret or restricted key (sk_…, rk_…)".into());
        }
        let secrets = settings.secrets();
        if secrets.len() > MOST_WEBHOOK_SECRETS || secrets.iter().any(|one| !has_form(one.expose_secret(), &["whsec_"]))
        {
            env.fault("STRIPE_WEBHOOK_SECRETS must be one or two secrets (whsec_…), comma-separated".into());
        }
        if settings.stripe_key.is_some() == secrets.is_empty() {
            env.fault("STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS must be given together".into());
        }
        Some(settings)
    }

    fn secrets(&self) -> Vec<SecretString> {
        let text = self.webhook_secrets.as_ref().map_or("", |secrets| secrets.expose_secret());
        text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(SecretString::from).collect()
    }
}

fn has_form(text: &str, beginnings: &[&str]) -> bool {
    let rest = beginnings.iter().find_map(|beginning| text.strip_prefix(beginning));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// How invoices are paid; cheap to clone.
#[derive(Clone)]
pub struct Payments {
    /// Absent where every invoice is paid by bank transfer.
    pub stripe: Option<Stripe>,
    pub webhook_secrets: Vec<SecretString>,
    /// How long a bank transfer may take.
    pub due: TimeDelta,
}

impl Payments {
    pub fn new(settings: PaymentSettings) -> reqwest::Result<Self> {
        let webhook_secrets = settings.secrets();
        let stripe = settings.stripe_key.map(|key| Stripe::new(&settings.stripe_url, key)).transpose()?;
        Ok(Self { stripe, webhook_secrets, due: TimeDelta::days(settings.due_days) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<PaymentSettings, String> {
        let mut env = Env::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let settings = PaymentSettings::checked(&mut env);
        env.finish(settings).map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_key_and_its_webhooks_come_together_and_show_nowhere() {
        let given = [("STRIPE_SECRET_KEY", "sk_test_1"), ("STRIPE_WEBHOOK_SECRETS", "whsec_new, whsec_old")];
        let settings = read(&given).unwrap();
        assert_eq!(settings.secrets().len(), 2);
        let shown = format!("{settings:?}");
        assert!(!shown.contains("sk_test_1") && !shown.contains("whsec_new"), "{shown}");
        assert!(read(&[]).unwrap().stripe_key.is_none());
        for wrong in [
            &given[..1],
            &given[1..],
            &[("STRIPE_SECRET_KEY", "pk_test_1"), given[1]],
            &[given[0], ("STRIPE_WEBHOOK_SECRETS", "whsec_1,whsec_2,whsec_3")],
            &[given[0], ("STRIPE_WEBHOOK_SECRETS", "secret")],
        ] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains("STRIPE_") && !told.contains("test_1"), "{told}");
        }
    }
}
