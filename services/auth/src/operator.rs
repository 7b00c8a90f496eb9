//! The command that makes the first operator, as there is nobody yet who could invite them.

use crate::{
    accounts::{
        entries,
        store::{self as accounts, User},
    },
    email::Email,
    name::Name,
    passwords::{Cost, Hasher, model::weakness},
};
use anyhow::{Context, bail};
use audit::Actor;
use common::{
    ambient::Ambient,
    config::{Database, Env},
    db::{Db, TenantTx},
};
use contracts::{
    id::{TenantId, UserId},
    messages::{MemberJoined, TenantCreated, TenantKind},
    roster,
};
use secrecy::{ExposeSecret, SecretString};
use service_kit::{Command, cli::with_config};

const TENANT_NAME: &str = "Platform";
const DISPLAY_NAME: &str = "Operator";

/// The command.
pub const SEED_OPERATOR: Command = Command {
    name: "seed-operator",
    about: "Make the platform's own tenant and its first operator, unless they are there",
    argument: None,
    settings: || Env::questions(Seed::read),
    run: |_| with_config(Seed::read, seed),
};

pub struct Seed {
    database: Database,
    cost: Cost,
    email: Email,
    password: SecretString,
}

impl Seed {
    /// DATABASE_URL, OPERATOR_EMAIL, OPERATOR_PASSWORD.
    pub fn read(env: &mut Env) -> Option<Self> {
        let database = Database::read(env);
        let cost = Cost::read(env);
        let email =
            env.explain("Address of the first operator, for `auth seed-operator`.").required::<Email>("OPERATOR_EMAIL");
        let password =
            env.explain("Password of the first operator, for `auth seed-operator`.").secret("OPERATOR_PASSWORD");
        let own_words = [email.as_ref().map_or("", Email::local_part)];
        if let Some(weakness) = password.as_ref().and_then(|password| weakness(password.expose_secret(), &own_words)) {
            env.fault(format!("OPERATOR_PASSWORD {weakness}"));
        }
        Some(Self { database: database?, cost: cost?, email: email?, password: password? })
    }
}

/// Makes the platform's tenant and the operator, where they are not there yet; a password that was set before stays.
pub async fn seed(seed: Seed) -> anyhow::Result<()> {
    let ambient = Ambient::system();
    let now = ambient.now();
    let mut lookup = Db::connect(&seed.database, roster::AUTH.name, ambient.clone())?
        .begin_lookup()
        .await
        .context("the database cannot be reached")?;
    let known = accounts::platform_tenant(&mut lookup).await?;
    let tenant_id = known.unwrap_or_else(|| TenantId(ambient.uuid()));
    let mut tx = lookup.enter(tenant_id).await?;
    let name = TENANT_NAME.parse::<Name>()?;
    if known.is_none() && !accounts::insert_tenant(&mut tx, &name, TenantKind::Platform, None, now).await? {
        bail!("another process has made the platform's tenant meanwhile: run the command again");
    }
    let user_id = operator(&mut tx, &ambient, &seed).await?;
    let membership_id = ambient.uuid();
    let joined = accounts::join(&mut tx, membership_id, user_id, now).await?;
    let by = Actor::Operator;
    if known.is_none() {
        let (name, owner_email) = (TENANT_NAME.to_owned(), seed.email.as_str().to_owned());
        let created =
            TenantCreated { tenant_id, name, kind: TenantKind::Platform, owner_user_id: user_id, owner_email };
        messaging::publish(&mut tx, &created).await?;
        entries::tenant_made(&mut tx, &created, &by);
    } else if joined {
        let joined = MemberJoined { tenant_id, user_id, membership_id: Some(membership_id) };
        messaging::publish(&mut tx, &joined).await?;
        audit::note(&mut tx, entries::joined(user_id).by(by));
    }
    tx.commit().await?;
    Ok(())
}

async fn operator(tx: &mut TenantTx, ambient: &Ambient, seed: &Seed) -> anyhow::Result<UserId> {
    if let Some(user) = accounts::find_user_by_email(tx, &seed.email).await? {
        return Ok(user.id);
    }
    let password_hash = Hasher::new(seed.cost, ambient.clone())?.hash(&seed.password).await?;
    let (id, email) = (UserId(ambient.uuid()), seed.email.as_str().to_owned());
    let user = User::new(id, email, DISPLAY_NAME.to_owned(), password_hash);
    accounts::insert_user(tx, &user, ambient.now()).await?;
    audit::note_of_platform(tx, entries::registered(user.id).by(Actor::Operator));
    Ok(user.id)
}
