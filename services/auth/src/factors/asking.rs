//! What a log-in answers whose password is right and which a second factor has to complete.

use super::{challenges, store::Enrolled};
use crate::{
    accounts::store::User,
    app::App,
    passkeys::{
        options::{self, RequestOptions, Verification},
        store as passkeys,
    },
};
use common::db::TenantTx;
use serde::Serialize;
use utoipa::ToSchema;

/// Answer to a log-in whose password is right and which a second factor has to complete.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorRequired {
    /// `second_factor_required`, or `enrolment_required`: the tenant demands a factor, and the person has none.
    #[schema(example = "second_factor_required")]
    status: &'static str,
    /// Opaque; it works once.
    #[schema(format = Password)]
    challenge: String,
    /// Seconds until the challenge is over.
    #[schema(example = 300)]
    expires_in: i64,
    /// Methods of a proof that the person can give.
    #[schema(value_type = Vec<String>, example = json!(["totp", "recovery_code"]))]
    methods: Vec<&'static str>,
    /// For who has a passkey.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<RequestOptions>,
}

/// The challenge is what a passkey signs, too.
pub async fn ask(tx: &mut TenantTx, app: &App, user: &User, enrolled: Enrolled) -> sqlx::Result<SecondFactorRequired> {
    let challenge = challenges::make(tx, app, user).await?;
    let passkeys = passkeys::credential_ids(tx, user.id).await?;
    let options = || options::request(app, &challenge, &passkeys, Verification::Preferred);
    Ok(SecondFactorRequired {
        status: if enrolled.any() { "second_factor_required" } else { "enrolment_required" },
        challenge: challenge.expose().to_owned(),
        expires_in: challenges::LIFETIME.num_seconds(),
        methods: enrolled.methods(),
        passkey: enrolled.passkeys.then(options),
    })
}
