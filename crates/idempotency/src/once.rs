//! Extractors of requests that make something: has this request been made before?

use crate::{
    answer::{self, Unreadable},
    key::{self, Derived, Keyed, Scope},
    store::{self, Known},
};
use axum::{
    body::Body,
    extract::{FromRequest, OriginalUri, Request},
    response::{IntoResponse, Response},
};
use common::{
    db::Scoped,
    http::whole_body,
    problem::{FieldError, Problem},
};
use sqlx::PgConnection;

/// A request that makes something: its body, read by the extractor `E`, and what its `Idempotency-Key` demands.
pub struct Creating<E>(pub E, pub Once);

/// What the `Idempotency-Key` of a request demands: without one nothing. As an extractor for a request without a body.
#[must_use = "a request with a key is made once: begin, then remember"]
pub struct Once {
    keyed: Option<Keyed>,
    /// The key that this request's transaction holds.
    claimed: Option<Derived>,
}

impl<S: Send + Sync, E: FromRequest<S, Rejection = Problem>> FromRequest<S> for Creating<E> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (once, request) = Once::read(request).await?;
        Ok(Self(E::from_request(request, state).await?, once))
    }
}

impl<S: Send + Sync> FromRequest<S> for Once {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        Ok(Self::read(request).await?.0)
    }
}

impl Once {
    /// The request comes back with its body.
    async fn read(request: Request) -> Result<(Self, Request), Problem> {
        let Some(key) = key::read(request.headers())? else {
            return Ok((Self { keyed: None, claimed: None }, request));
        };
        let (parts, body) = request.into_parts();
        // In nested routers `uri` lacks the outer part.
        let uri = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.clone(), |whole| whole.0.clone());
        let bytes = whole_body(Request::from_parts(parts.clone(), body)).await?;
        let keyed = Keyed::new(key, &parts.method, &uri, &bytes);
        Ok((Self { keyed: Some(keyed), claimed: None }, Request::from_parts(parts, Body::from(bytes))))
    }

    /// Claims the key for the transaction that makes what is asked for. If it was made before: its answer. Waits for a
    /// request with the same key that is under way.
    ///
    /// # Errors
    /// 409 `idempotency_key_reused` if it came with another request.
    pub async fn begin(&mut self, tx: &mut impl Scoped, scope: impl Into<Scope>) -> Result<Option<Response>, Problem> {
        let (scope, now) = (scope.into(), tx.db().ambient().now());
        let Some(derived) = self.keyed.as_ref().map(|keyed| keyed.derive(&scope)) else { return Ok(None) };
        if store::claim(tx, &derived, scope.tenant(), now).await? {
            self.claimed = Some(derived);
            return Ok(None);
        }
        let known = store::find(tx, &derived, now).await?.ok_or_else(|| Problem::internal(&Unreadable))?;
        replay(&derived, known).map(Some)
    }

    /// The answer of a request that was made before, where what it used up would refuse it now. Claims nothing.
    ///
    /// # Errors
    /// As [`Once::begin`].
    pub async fn earlier(
        &self,
        conn: &mut PgConnection,
        scope: impl Into<Scope>,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Option<Response>, Problem> {
        let scope = scope.into();
        let Some(derived) = self.keyed.as_ref().map(|keyed| keyed.derive(&scope)) else { return Ok(None) };
        let known = store::find(conn, &derived, now).await?;
        known.map(|known| replay(&derived, known)).transpose()
    }

    /// Whether the request came with a key.
    pub fn is_keyed(&self) -> bool {
        self.keyed.is_some()
    }

    /// Keeps the answer for whoever sends the request again, and gives it back. Call it last before the commit.
    ///
    /// # Errors
    /// 422 if the answer is larger than what is kept.
    pub async fn remember(&self, tx: &mut impl Scoped, answer: impl IntoResponse) -> Result<Response, Problem> {
        let answer = answer.into_response();
        let Some(claimed) = &self.claimed else { return Ok(answer) };
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, answer::LARGEST).await.map_err(|_| too_large())?;
        let packed = answer::pack(&parts, &body);
        let ambient = tx.db().ambient().clone();
        let sealed = claimed.sealer.seal(&ambient, &claimed.key_hash, &packed);
        if !store::remember(tx, claimed, &sealed).await? {
            return Err(Problem::internal(&Unreadable));
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

fn replay(derived: &Derived, known: Known) -> Result<Response, Problem> {
    if known.fingerprint != derived.fingerprint {
        let detail = "This Idempotency-Key was sent with another request. Take a new key for each thing to be made.";
        return Err(Problem::conflict("idempotency_key_reused", detail));
    }
    let opened = known.answer.and_then(|sealed| derived.sealer.open(&derived.key_hash, &sealed).ok());
    let answer = opened.ok_or(Unreadable).and_then(|packed| answer::unpack(&packed));
    answer.map_err(|unreadable| Problem::internal(&unreadable))
}

fn too_large() -> Problem {
    let detail = format!(
        "The answer would be larger than the {} KiB that are kept for a key. Send the request without one.",
        answer::LARGEST / 1024
    );
    FieldError::new("Idempotency-Key", "answer_too_large", detail).into()
}
