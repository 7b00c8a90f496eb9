//! What the audit says of second factors, in the chain of the platform.

use audit::Entry;
use contracts::{
    id::{Principal, UserId},
    mails::FactorChange,
};

/// What the audit says: it is the person's own act, also where they have no session yet.
pub fn changed(user: UserId, change: FactorChange) -> Entry {
    let action = match change {
        FactorChange::TotpAdded => "totp.added",
        FactorChange::TotpRemoved => "totp.removed",
        FactorChange::PasskeyAdded => "passkey.added",
        FactorChange::PasskeyRemoved => "passkey.removed",
        FactorChange::RecoveryCodesMade => "recovery_codes.made",
        FactorChange::RecoveryCodeUsed => "recovery_code.used",
    };
    Entry::new(action, Principal::User(user)).by(Principal::User(user))
}
