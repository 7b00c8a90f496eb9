//! Ceremonies (WebAuthn §2): for what does an authenticator sign?

use contracts::id::{SessionId, UserId};

/// For what an authenticator signs, and for whom.
#[derive(Clone, Copy, Debug)]
pub enum Ceremony {
    Registration(UserId, Option<SessionId>),
    StepUp(UserId, Option<SessionId>),
    /// Nobody knows yet who it is.
    LogIn,
}

impl Ceremony {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Registration(..) => "registration",
            Self::StepUp(..) => "step_up",
            Self::LogIn => "log_in",
        }
    }

    pub(super) fn who(self) -> (Option<UserId>, Option<SessionId>) {
        match self {
            Self::Registration(user, session) | Self::StepUp(user, session) => (Some(user), session),
            Self::LogIn => (None, None),
        }
    }
}
