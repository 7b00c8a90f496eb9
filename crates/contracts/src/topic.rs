//! The SNS topics.

/// An SNS topic: one a producer, one a command target, usage, and SES's feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    AuthEvents,
    ConfiguratorEvents,
    WorkerEvents,
    MailerCommands,
    WorkerCommands,
    Usage,
    SesFeedback,
}

impl Topic {
    pub const ALL: [Self; 7] = [
        Self::AuthEvents,
        Self::ConfiguratorEvents,
        Self::WorkerEvents,
        Self::MailerCommands,
        Self::WorkerCommands,
        Self::Usage,
        Self::SesFeedback,
    ];

    /// Name without the deployment's prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthEvents => "auth-events",
            Self::ConfiguratorEvents => "configurator-events",
            Self::WorkerEvents => "worker-events",
            Self::MailerCommands => "mailer-commands",
            Self::WorkerCommands => "worker-commands",
            Self::Usage => "usage",
            Self::SesFeedback => "ses-feedback",
        }
    }
}
