//! Signature of a request to S3 in its URL (AWS Signature Version 4, query parameters:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>).

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings,
        UriPathNormalizationMode, sign as sign_request,
    },
    sign::v4::SigningParams,
};
use reqwest::{Method, Url};
use std::time::{Duration, SystemTime};

/// What is signed.
pub(crate) struct Request<'a> {
    pub method: &'a Method,
    pub url: Url,
    /// Whoever sends the request must send these as they are here.
    pub headers: &'a [(&'a str, &'a str)],
    pub lifetime: Duration,
    pub region: &'a str,
    pub time: SystemTime,
}

/// A request cannot be signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsigned {
    #[error("the parameters of the signature are incomplete")]
    Parameters,
    #[error("the request cannot be signed")]
    Signing(#[from] SigningError),
}

/// The URL with its signature.
pub(crate) fn sign(request: Request<'_>, credentials: Credentials) -> Result<Url, Unsigned> {
    let Request { method, mut url, headers, lifetime, region, time } = request;
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let identity = credentials.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(time)
        .settings(settings)
        .build()
        .map_err(|_| Unsigned::Parameters)?
        .into();
    let signable =
        SignableRequest::new(method.as_str(), url.as_str(), headers.iter().copied(), SignableBody::UnsignedPayload)?;
    let (instructions, _) = sign_request(signable, &parameters)?.into_parts();
    let (_, parameters) = instructions.into_parts();
    url.query_pairs_mut().extend_pairs(&parameters);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation above.
    #[test]
    fn a_signature_is_that_of_the_documentation() {
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "documentation",
        );
        let request = Request {
            method: &Method::GET,
            url: Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap(),
            headers: &[],
            lifetime: Duration::from_secs(86_400),
            region: "us-east-1",
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600),
        };
        let url = sign(request, credentials).unwrap();
        let signature = url.query_pairs().find(|(name, _)| name == "X-Amz-Signature").unwrap().1;
        assert_eq!(signature, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    }
}
