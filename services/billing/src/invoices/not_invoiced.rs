//! Why a cycle has no invoice: does it help to try again?

use super::model::Unpriceable;
use crate::{pricing::TooLarge, taxes::undetermined::Undetermined};

/// Nothing may be committed.
#[derive(Debug, thiserror::Error)]
pub enum NotInvoiced {
    #[error("the cycle cannot be closed in the database")]
    Database(#[from] sqlx::Error),
    #[error("a line cannot be priced")]
    Price(#[from] Unpriceable),
    #[error("nobody knows the VAT")]
    Tax(#[from] Undetermined),
}

impl From<TooLarge> for NotInvoiced {
    fn from(error: TooLarge) -> Self {
        Self::Price(error.into())
    }
}

impl NotInvoiced {
    /// Why no repetition helps; `None` if one may.
    pub fn lasting(&self) -> Option<String> {
        match self {
            Self::Price(Unpriceable::TooLarge(_)) => Some("too_large".into()),
            Self::Price(Unpriceable::Negative(_)) => Some("negative".into()),
            Self::Tax(undetermined) => Some(undetermined.reason()),
            // Data that PostgreSQL refuses (class 22), constraints (23), and what is too large for it (54):
            // <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
            Self::Database(sqlx::Error::Database(refusal)) => {
                let lasting = |code: &str| ["22", "23", "54"].iter().any(|class| code.starts_with(class));
                let code = refusal.code().filter(|code| lasting(code))?;
                Some(refusal.constraint().unwrap_or(&code).to_owned())
            }
            Self::Database(sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => Some("unreadable".into()),
            Self::Database(_) => None,
        }
    }
}
