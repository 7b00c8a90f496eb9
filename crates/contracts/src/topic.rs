//! The SNS topics: one a producer, one a command target, usage, and SES's feedback.

macro_rules! topics {
    ($($topic:ident = $name:literal),+ $(,)?) => {
        /// An SNS topic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Topic { $($topic),+ }

        impl Topic {
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$topic),+];

            /// Name without the deployment's prefix.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$topic => $name),+ }
            }
        }
    };
}

impl Topic {
    /// Whether messages in envelopes are published here; SES's feedback has none.
    pub const fn carries_envelopes(self) -> bool {
        !matches!(self, Self::SesFeedback)
    }
}

topics! {
    AuthEvents = "auth-events",
    BillingEvents = "billing-events",
    ConfiguratorEvents = "configurator-events",
    WorkerEvents = "worker-events",
    MailerCommands = "mailer-commands",
    WorkerCommands = "worker-commands",
    Usage = "usage",
    SesFeedback = "ses-feedback",
}
