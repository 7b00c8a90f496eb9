//! The authorization server (OAuth 2.1) and OpenID provider (OpenID Connect Core 1.0): people sign in to apps here, and
//! say what each may do for them.
//!
//! | module | answers |
//! | --- | --- |
//! | [`authorization`] | what does an app ask for, and what comes next? |
//! | [`forms`] | how do people sign in and agree? |
//! | [`second_factor`] | what follows a right password? |
//! | [`sign_ins`] | who is signed in in this browser? |
//! | [`client_authentication`] | is this client who it says it is? |
//! | [`token`] | what does a client get for a code, a refresh token, its own secret, or a token of somebody's? |
//! | [`id_token`], [`userinfo`] | who has signed in? |
//! | [`introspection`], [`revocation`] | does this token still count, and how does it end? |
//! | [`consents`] | what may which app do for a person? |
//! | [`logout`] | how does a person leave? |

mod answer;
mod assertions;
pub mod audience;
pub mod authorization;
pub mod client_authentication;
mod code_store;
pub mod codes;
mod consent_store;
pub mod consents;
pub mod discovery;
pub mod error;
mod exchange;
mod forgery;
pub mod forms;
pub mod id_token;
pub mod introspection;
mod known;
pub mod logout;
pub mod redirect_uri;
pub mod request;
pub mod revocation;
pub mod scope;
pub mod second_factor;
mod sign_in_store;
pub mod sign_ins;
pub mod store;
pub mod token;
pub mod userinfo;
mod views;
