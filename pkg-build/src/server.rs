//! A static server for one machine, with the headers a careful host would send.

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// The page's own policy, as a header too: it then also covers the worker.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// Serves `folder` on localhost until the process is ended.
pub fn serve(folder: &Path, port: u16) -> Result<ExitCode> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("cannot listen on port {port}; choose another with --port"))?;
        println!("Autochrome is at http://localhost:{}/ (Ctrl-C ends it)", listener.local_addr()?.port());
        axum::serve(listener, site(folder)).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn site(folder: &Path) -> Router {
    HEADERS.into_iter().fold(Router::new().fallback_service(ServeDir::new(folder)), |site, (name, value)| {
        site.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)))
    })
}
