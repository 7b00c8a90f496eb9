//! auth: who are you? Accounts, tenants, sessions, and the tokens by which every service knows its callers.
//!
//! | module | answers |
//! | --- | --- |
//! | [`router`] | which routes are there? |
//! | [`registrations`] | how does a stranger become the owner of a tenant? |
//! | [`invitations`] | how does a second person come into a tenant? |
//! | [`accounts`] | who exists, and who belongs to which tenant? |
//! | [`members`] | how does somebody leave a tenant? |
//! | [`policy`] | how do the members of a tenant have to log in? |
//! | [`principals`] | who exists in a tenant? |
//! | [`authority`] | may the caller speak for somebody else? |
//! | [`logins`] | is it them, and what do they get? |
//! | [`sessions`] | who is logged in, and for how long? |
//! | [`clients`] | which machines act here, and is this one who it says it is? |
//! | [`api_keys`] | which programs act for a person? |
//! | [`identity_providers`] | by which providers does a tenant let its members sign in? |
//! | [`oauth`] | how do people sign in to apps, and what may each do for them? |
//! | [`keys`], [`issuer`] | with which keys are tokens signed, and what do they say? |
//! | [`passwords`] | is this password good enough, and is it the right one? |
//! | [`throttle`] | how often may somebody try a password? |
//! | [`factors`] | what proves who somebody is besides the password? |
//! | [`passkeys`] | which authenticators does a person have, and is this signature of one of them? |
//! | [`resets`] | how does somebody get in again who has forgotten it? |
//! | [`mail_rate`], [`delayed_mails`] | how many mails with links does an address get, and when do the others go? |
//! | [`audit`] | who changed what? |
//! | [`operator`] | how does the first operator come to be? |
//! | [`sweep`] | what is forgotten, and when? |
//! | [`email`], [`name`], [`opaque`] | the types of what was checked, and of what is secret |
//! | [`body`], [`pages`], [`mail`] | how does auth read from people and write to them? |

mod accounts;
mod api_keys;
pub mod app;
mod audit;
mod authority;
mod body;
mod clients;
pub mod config;
mod cookies;
pub mod delayed_mails;
mod email;
mod factors;
mod identity_providers;
mod invitations;
mod issuer;
pub mod keys;
mod logins;
mod mail;
mod mail_rate;
mod members;
mod name;
mod oauth;
pub mod opaque;
pub mod operator;
mod pages;
mod passkeys;
pub mod passwords;
mod policy;
mod principals;
mod registrations;
mod resets;
mod return_to;
mod router;
pub mod sessions;
pub mod sweep;
mod throttle;

use app::App;
use config::Settings;
use contracts::roster;
use keys::commands;
use service_kit::{Command, Kit, Service, Tasks};
use utoipa_axum::router::OpenApiRouter;

/// The service, described for its binary and its tests.
pub struct Auth;

impl Service for Auth {
    const ROSTER: roster::Service = roster::AUTH;
    const ABOUT: &'static str = "Who somebody is: accounts, tenants, sessions and tokens";
    const TITLE: &'static str = "Auth";
    service_kit::files!(migrations: "../../migrations/auth", docs: "$CARGO_MANIFEST_DIR/../../openapi/docs/auth",
        problems: "$CARGO_MANIFEST_DIR/../../openapi/problems");
    const COMMANDS: &'static [Command] = &[
        operator::SEED_OPERATOR,
        commands::SHOW,
        commands::ROTATE,
        commands::REPLACE,
        commands::REVOKE,
        commands::RESEAL,
        api_keys::FIND,
        service_kit::audit::VERIFY,
    ];
    type Settings = Settings;
    type App = App;

    async fn app(kit: Kit, settings: Settings) -> anyhow::Result<App> {
        App::new(kit, settings).await
    }

    fn router() -> OpenApiRouter<App> {
        router::router()
    }

    fn background(app: &App, tasks: &Tasks) {
        let background = tasks.background();
        tasks.spawn(|shutdown| delayed_mails::run(app.clone(), background, shutdown));
        tasks.spawn(|shutdown| app.keyring.clone().run(shutdown));
        tasks.spawn(|shutdown| keys::resealing::run(app.rotation.clone(), shutdown));
        tasks.spawn(|shutdown| sweep::run(app.db.clone(), background, shutdown));
        tasks.spawn(|shutdown| members::removal::run(app.clone(), background, shutdown));
        tasks.spawn(|shutdown| sessions::ending::run(app.clone(), background, shutdown));
        tasks.spawn(|shutdown| resets::mailing::run(app.clone(), shutdown));
    }
}
