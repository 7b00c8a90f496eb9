//! Check of the host that a request is for: exactly one, or two servers in a row could take it for two (RFC 9112 §3.2).

use crate::problem::Problem;
use axum::{
    extract::Request,
    http::{
        HeaderMap, Uri, header,
        uri::{Authority, Scheme},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Lets requests through that name one host, in the header or in the target, or the same in both.
pub(super) async fn one_host(request: Request, next: Next) -> Response {
    match check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(detail) => Problem::bad_request("host_invalid", detail).into_response(),
    }
}

fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
    let mut named = headers.get_all(header::HOST).iter();
    let host = match (named.next(), named.next()) {
        (None, _) => None,
        (Some(host), None) => {
            Some(host.to_str().ok().and_then(read).ok_or("The Host header is not the name of a host.")?)
        }
        (Some(_), Some(_)) => return Err("There is more than one Host header."),
    };
    let target = uri
        .authority()
        .map(|authority| read(authority.as_str()).ok_or("The request's target names no host."))
        .transpose()?;
    match (host, target) {
        (None, None) => Err("The Host header is missing."),
        (Some(host), Some(target)) if !is_same(&host, &target, uri.scheme()) => {
            Err("The Host header and the request's target name different hosts.")
        }
        _ => Ok(()),
    }
}

/// A host with or without a port, and without a user.
fn read(text: &str) -> Option<Authority> {
    text.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())
}

fn is_same(host: &Authority, target: &Authority, scheme: Option<&Scheme>) -> bool {
    let usual = if scheme == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    host.host().eq_ignore_ascii_case(target.host()) && port(host) == port(target)
}
