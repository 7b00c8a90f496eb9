//! Forms of our pages: only our own pages may send them, with a request that was sealed for them. Else another site could
//! sign somebody in as its owner, or agree for them.

use super::{
    request::{Asked, unsound},
    store::{self, OAuthClient},
};
use crate::app::App;
use axum::http::{HeaderMap, HeaderName, header};
use common::problem::Problem;
use contracts::public_url::PublicUrl;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The client and the request of a form that came from a page of ours.
pub async fn opened(app: &App, headers: &HeaderMap, sealed: &str) -> Result<(OAuthClient, Asked), Problem> {
    refuse_forged(app, headers)?;
    let too_old = || unsound("This page is too old. Go back to the app and try again.");
    let asked = app.request_uris.open(sealed, app.ambient.now()).ok_or_else(too_old)?;
    let client = store::client(&mut app.db.begin_lookup().await?, asked.client_id).await?;
    let client = client
        .filter(|client| client.has(&asked.redirect_uri) && client.is_that_of(asked.asked_at))
        .ok_or_else(too_old)?;
    Ok((client, asked))
}

/// Fetch Metadata, or `Origin` where a browser sends none; a program sends neither
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>).
pub fn refuse_forged(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let own = app.public_url.parse::<PublicUrl>().map(|url| url.origin()).unwrap_or_default();
    let sites: Vec<_> = headers.get_all(FETCH_SITE).iter().collect();
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
    let ours = match (sites.as_slice(), origins.as_slice()) {
        ([], []) => !headers.contains_key(header::COOKIE),
        ([], origins) => origins.iter().all(|origin| origin.as_bytes() == own.as_bytes()),
        (sites, _) => sites.iter().all(|site| *site == "same-origin"),
    };
    if ours { Ok(()) } else { Err(Problem::forbidden("cross_site", "The request comes from another site.")) }
}
