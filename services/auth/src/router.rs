//! The routes of auth: all of them, in one list.

use crate::{
    accounts, api_keys, app::App, clients, factors, identity_providers, invitations, keys, members, oauth, passkeys,
    passwords, policy, principals, registrations, resets, sessions,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(registrations::routes::register))
        .routes(routes!(registrations::routes::show, registrations::routes::verify))
        .routes(routes!(sessions::routes::log_in, sessions::routes::list, sessions::routes::end_others))
        .routes(routes!(sessions::second_factor::complete))
        .routes(routes!(sessions::enrolment::begin))
        .routes(routes!(sessions::enrolment::confirm))
        .routes(routes!(passkeys::routes::begin_log_in))
        .routes(routes!(passkeys::routes::log_in))
        .routes(routes!(sessions::routes::refresh))
        .routes(routes!(sessions::routes::log_out))
        .routes(routes!(sessions::step_up::begin))
        .routes(routes!(sessions::step_up::step_up))
        .routes(routes!(sessions::routes::end))
        .routes(routes!(sessions::liveness::alive))
        .routes(routes!(accounts::me::me))
        .routes(routes!(passwords::routes::change))
        .routes(routes!(factors::routes::list))
        .routes(routes!(factors::routes::begin_totp, factors::routes::remove_totp))
        .routes(routes!(factors::routes::confirm_totp))
        .routes(routes!(factors::routes::make_recovery_codes))
        .routes(routes!(passkeys::routes::begin))
        .routes(routes!(passkeys::routes::add))
        .routes(routes!(passkeys::routes::show, passkeys::routes::rename, passkeys::routes::remove))
        .routes(routes!(resets::routes::ask))
        .routes(routes!(resets::routes::show, resets::routes::set))
        .routes(routes!(accounts::routes::members))
        .routes(routes!(policy::routes::show, policy::routes::edit))
        .routes(routes!(identity_providers::routes::list, identity_providers::routes::create))
        .routes(routes!(
            identity_providers::routes::show,
            identity_providers::routes::edit,
            identity_providers::routes::delete
        ))
        .routes(routes!(identity_providers::sign_in::begin))
        .routes(routes!(identity_providers::sign_in::complete))
        .routes(routes!(registrations::routes::reject))
        .routes(routes!(invitations::routes::list, invitations::routes::invite))
        .routes(routes!(invitations::routes::show, invitations::routes::accept, invitations::routes::withdraw))
        .routes(routes!(invitations::refusals::show, invitations::refusals::refuse))
        .routes(routes!(members::routes::leave))
        .routes(routes!(members::routes::remove))
        .routes(routes!(members::routes::end_sessions))
        .routes(routes!(clients::routes::list, clients::routes::create))
        .routes(routes!(clients::routes::show, clients::routes::delete))
        .routes(routes!(clients::routes::add_secret))
        .routes(routes!(clients::routes::revoke_secret))
        .routes(routes!(api_keys::routes::list, api_keys::routes::create))
        .routes(routes!(api_keys::routes::revoke))
        .routes(routes!(api_keys::exchange::exchange))
        .routes(routes!(principals::existing))
        .routes(routes!(keys::routes::jwks))
        .routes(routes!(oauth::discovery::openid))
        .routes(routes!(oauth::discovery::oauth))
        .routes(routes!(oauth::authorization::authorize, oauth::authorization::authorize_by_form))
        .routes(routes!(oauth::authorization::push))
        .routes(routes!(oauth::forms::submit_sign_in))
        .routes(routes!(oauth::second_factor::submit))
        .routes(routes!(oauth::forms::submit_consent))
        .routes(routes!(oauth::token::token))
        .routes(routes!(oauth::userinfo::show, oauth::userinfo::show_by_post))
        .routes(routes!(oauth::introspection::introspect))
        .routes(routes!(oauth::revocation::revoke))
        .routes(routes!(oauth::logout::by_link, oauth::logout::by_form))
}
