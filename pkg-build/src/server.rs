//! A static server for one machine, with the headers a careful host would send.

use crate::policy::Policy;
use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Beside the page's own policy. A view through the camera is all that the page may ask the visitor
/// for.
const HEADERS: [(HeaderName, &str); 3] = [
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(self), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
         idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), \
         publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Headers that a careful host sends with every file of the site in `folder`. The service worker does so too.
pub fn headers(folder: &Path) -> Result<Vec<(HeaderName, String)>> {
    let policy = (header::CONTENT_SECURITY_POLICY, Policy::of_site(folder)?.to_string());
    let fixed = HEADERS.map(|(name, value)| (name, value.to_owned()));
    Ok(fixed.into_iter().chain([policy]).collect())
}

/// Serves `folder` on localhost until the process is ended.
pub fn serve(folder: &Path, port: u16) -> Result<ExitCode> {
    let site = site(folder)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("cannot listen on port {port}; choose another with --port"))?;
        println!("Autochrome is at http://localhost:{}/ (Ctrl-C ends it)", listener.local_addr()?.port());
        axum::serve(listener, site).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn site(folder: &Path) -> Result<Router> {
    // The browser asks each time whether a file has changed.
    let fresh = (header::CACHE_CONTROL, "no-cache".to_owned());
    let site = Router::new().fallback_service(ServeDir::new(folder));
    headers(folder)?.into_iter().chain([fresh]).try_fold(site, |site, (name, value)| {
        let value = HeaderValue::try_from(value)?;
        Ok(site.layer(SetResponseHeaderLayer::overriding(name, value)))
    })
}
