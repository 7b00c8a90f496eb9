//! The command that verifies the audit of a service: every chain, or a tenant's.

use crate::{Command, cli::with_config};
use anyhow::{Context, bail, ensure};
use audit::{
    NO_TENANT,
    verification::{Verified, next_chain, verify},
};
use common::{
    ambient::Ambient,
    config::{Database, Env},
    db::{Background, Db},
};
use contracts::id::TenantId;

/// In the place of a tenant: every chain.
const ALL: &str = "all";
/// In the place of a tenant: the chain of what belongs to none.
const PLATFORM: &str = "platform";
/// Entries between two transactions, so that none is open for long.
const AT_ONCE: i64 = 10_000;

/// For the commands of a service that writes an audit.
pub const VERIFY: Command = Command {
    name: "verify-audit",
    about: "Verify the audit of a tenant, of the platform or of all, and name the first wrong row of each chain",
    argument: Some("tenant|platform|all"),
    settings: || Env::questions(Database::read),
    run: |which| with_config(Database::read, async |database| run(&database, &which.unwrap_or_default()).await),
};

async fn run(database: &Database, which: &str) -> anyhow::Result<()> {
    let db = Db::connect(database, "audit", Ambient::system())?;
    let broken = match which {
        ALL => all(&db).await?,
        PLATFORM => u64::from(!is_whole(&db, NO_TENANT).await?),
        tenant => {
            let tenant = tenant.parse().context("the argument is none of tenant id, platform, all")?;
            ensure_known(&db, tenant).await?;
            u64::from(!is_whole(&db, tenant).await?)
        }
    };
    if broken > 0 {
        bail!("chains that are broken: {broken}");
    }
    Ok(())
}

/// A chain that is not there is not whole.
async fn ensure_known(db: &Db, chain: TenantId) -> anyhow::Result<()> {
    let mut tx = whoever_has_the_database().begin(db, chain).await?;
    ensure!(verify(&mut tx, 0, 1).await?.end.version > 0, "there is no chain of {chain}");
    Ok(())
}

/// How many chains are broken.
async fn all(db: &Db) -> anyhow::Result<u64> {
    let (mut broken, mut after) = (0, None);
    loop {
        let mut tx = whoever_has_the_database().begin_across_tenants(db).await?;
        let Some(chain) = next_chain(&mut tx, after).await? else { return Ok(broken) };
        drop(tx);
        broken += u64::from(!is_whole(db, chain).await?);
        after = Some(chain);
    }
}

/// Says so, too.
#[expect(clippy::print_stdout, reason = "a command that says what there is")]
async fn is_whole(db: &Db, chain: TenantId) -> anyhow::Result<bool> {
    let name = if chain == NO_TENANT { PLATFORM.to_owned() } else { chain.to_string() };
    let mut after = 0;
    loop {
        let mut tx = whoever_has_the_database().begin(db, chain).await?;
        let verified = verify(&mut tx, after, AT_ONCE).await?;
        after = verified.through;
        if !verified.is_all() {
            continue;
        }
        let Verified { end, broken, .. } = verified;
        let Some(broken) = broken else {
            println!("{name}: whole, {} entries, ends in {}", end.version, end.hash);
            return Ok(true);
        };
        let row = broken.id.map_or_else(|| "no row".to_owned(), |id| format!("row {id}"));
        println!("{name}: BROKEN at version {}, {row}: {}", broken.version, broken.fault);
        return Ok(false);
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever gives the command has the database's password")]
fn whoever_has_the_database() -> Background {
    Background::new()
}
