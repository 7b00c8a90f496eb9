//! Joining by the link of an invitation: a stranger gets an account; who has one gives its password.

use super::{entries, model::Invitation, store};
use crate::{
    accounts::refusals::credentials_wrong,
    accounts::{
        entries as people,
        store::{self as accounts, ADDRESS_TAKEN, User},
    },
    app::App,
    email::Email,
    name::Name,
    opaque::{OpaqueToken, link_used},
    passwords::{
        hasher::Verdict,
        model::{self as passwords, LONGEST, Weakness},
    },
    registrations::model,
    throttle::Visitor,
};
use axum::response::Response;
use common::{
    db::TenantTx,
    problem::{FieldError, Problem, constraint},
};
use contracts::{
    id::{Principal, TenantId, UserId},
    messages::MemberJoined,
};
use idempotency::{Once, Scope};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/invitations/{token}`, as JSON or as a form.
#[derive(Deserialize, ToSchema)]
pub struct Acceptance {
    /// Needed only by who has no account yet.
    #[serde(default)]
    #[schema(max_length = 100, example = "Bob")]
    display_name: Option<String>,
    /// The password of the account, or a new one of at least 15 characters.
    #[schema(value_type = String, format = Password, example = "another stride of seven")]
    password: SecretString,
}

#[derive(Serialize, ToSchema)]
pub struct Joined {
    pub user_id: UserId,
    pub tenant_id: TenantId,
    #[serde(skip)]
    pub tenant_name: String,
    #[serde(skip)]
    pub return_to: Option<String>,
}

/// Who joins.
enum Joiner {
    Known(UserId),
    New(User),
}

/// A sound answer, as far as can be said without knowing who gives it.
pub struct Answer {
    display_name: Option<Name>,
    password: SecretString,
}

impl Acceptance {
    /// What is wrong with any link is said before the link is looked at.
    fn check(self) -> Result<Answer, Problem> {
        let mut faults = Vec::new();
        // A form sends an empty field for what nobody filled in.
        let given = self.display_name.as_deref().filter(|name| !name.trim().is_empty());
        let display_name = given.map(|given| model::name("display_name", Some(given), &mut faults));
        if self.password.expose_secret().chars().count() > LONGEST {
            faults.push(FieldError::new("password", Weakness::TooLong.code(), Weakness::TooLong.to_string()));
        }
        if faults.is_empty() {
            Ok(Answer { display_name: display_name.flatten(), password: self.password })
        } else {
            Err(Problem::invalid(faults))
        }
    }
}

/// The answer that `show` makes of the membership.
pub async fn join(
    app: &App,
    visitor: &Visitor,
    token: &OpaqueToken,
    acceptance: Acceptance,
    mut once: Once,
    show: fn(Joined) -> Response,
) -> Result<Response, Problem> {
    let (answer, now) = (acceptance.check()?, app.ambient.now());
    // Into which tenant it invites, only the link says.
    let mut lookup = app.db.begin_lookup().await?;
    let Some(invitation) = store::find_open(&mut lookup, token, now).await? else {
        // Perhaps this very request has used it up.
        return once.earlier(&mut lookup, Scope::Public, now).await?.ok_or_else(link_used);
    };
    let email: Email = invitation.email.parse().map_err(|fault| Problem::internal(&fault))?;
    let known = accounts::find_user_by_email(&mut lookup, &email).await?;
    let tenant = lookup.found(invitation.tenant_id);
    let joiner = match known {
        Some(user) => authenticated(app, visitor, user, &answer.password).await?,
        None => newcomer(app, &invitation, &email, answer).await?,
    };
    let mut tx = tenant.begin().await?;
    if let Some(earlier) = once.begin(&mut tx, Scope::Public).await? {
        return Ok(earlier);
    }
    let joined = add(&mut tx, app, invitation, joiner).await?;
    let answer = once.remember(&mut tx, show(joined)).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The holder of the link reads the user's mail, which must not be enough to act as the user.
async fn authenticated(app: &App, visitor: &Visitor, user: User, password: &SecretString) -> Result<Joiner, Problem> {
    let check = async {
        let verdict = app.hasher.verify(password, Some(&user.password_hash)).await?;
        Ok((verdict != Verdict::Wrong).then_some(user.id))
    };
    let known = app.throttle.guess(visitor, &user.email, check).await?;
    known.map(Joiner::Known).ok_or_else(credentials_wrong)
}

async fn newcomer(app: &App, invitation: &Invitation, email: &Email, answer: Answer) -> Result<Joiner, Problem> {
    let mut faults = Vec::new();
    let display_name = answer.display_name.or_else(|| model::name("display_name", None, &mut faults));
    let password =
        passwords::read("password", Some(answer.password), &[email.local_part(), &invitation.tenant_name], &mut faults);
    let Some((display_name, password)) = display_name.zip(password) else { return Err(Problem::invalid(faults)) };
    app.leaked_passwords.refuse("password", &password).await?;
    let password_hash = app.hasher.hash(&password).await?;
    let display_name = display_name.as_str().to_owned();
    let id = UserId(app.ambient.uuid());
    Ok(Joiner::New(User::new(id, invitation.email.clone(), display_name, password_hash)))
}

/// Uses the link up, and makes the membership and the news of it.
async fn add(tx: &mut TenantTx, app: &App, invitation: Invitation, joiner: Joiner) -> Result<Joined, Problem> {
    let (now, tenant_id) = (app.ambient.now(), invitation.tenant_id);
    if !store::use_up(tx, invitation.id, now).await? {
        return Err(link_used());
    }
    let user_id = match joiner {
        Joiner::Known(user) => user,
        Joiner::New(user) => {
            accounts::insert_user(tx, &user, now).await.map_err(taken)?;
            audit::note_of_platform(tx, people::registered(user.id).by(Principal::User(user.id)));
            user.id
        }
    };
    audit::note(tx, entries::accepted(invitation.id, user_id));
    let membership_id = app.ambient.uuid();
    if accounts::join(tx, membership_id, user_id, now).await? {
        audit::note(tx, people::joined(user_id).by(Principal::User(user_id)));
        let joined = MemberJoined { tenant_id, user_id, membership_id: Some(membership_id) };
        messaging::publish(tx, &joined).await?;
    }
    Ok(Joined { user_id, tenant_id, tenant_name: invitation.tenant_name, return_to: invitation.return_to })
}

fn taken(error: sqlx::Error) -> Problem {
    if constraint(&error) != Some(ADDRESS_TAKEN) {
        return error.into();
    }
    Problem::conflict(
        "account_exists",
        "This address has got an account meanwhile. Open the link again and give that account's password.",
    )
}
