//! A static server for one machine, with the headers a real host would send.

use anyhow::{Result, anyhow};
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tiny_http::{Header, Request, Response, Server};

/// The page's own policy, as a header too: it then also covers the worker.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/// Threads that answer; a browser opens six connections.
const THREADS: usize = 6;

/// Serves `folder` on localhost until the process is ended.
pub fn serve(folder: &Path, port: u16) -> Result<ExitCode> {
    let server = Server::http(("127.0.0.1", port))
        .map_err(|error| anyhow!("cannot listen on port {port}: {error}. Choose another with --port"))?;
    let address = server.server_addr().to_ip().ok_or_else(|| anyhow!("the server has no address"))?;
    println!("Autochrome is at http://localhost:{}/ (Ctrl-C ends it)", address.port());
    let server = Arc::new(server);
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (server, folder) = (Arc::clone(&server), folder.to_owned());
            std::thread::spawn(move || {
                for request in server.incoming_requests() {
                    // A browser that hangs up early is no reason to stop serving.
                    let _ = answer(request, &folder);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().map_err(|_| anyhow!("a server thread panicked"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(request: Request, folder: &Path) -> std::io::Result<()> {
    let Some(path) = file_of(request.url(), folder) else {
        return request.respond(Response::from_string("Not found").with_status_code(404));
    };
    let Ok(file) = File::open(&path) else {
        return request.respond(Response::from_string("Not found").with_status_code(404));
    };
    let headers = [
        ("Content-Type", media_type(&path)),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-cache"),
    ];
    let mut response = Response::from_file(file);
    for (name, value) in headers {
        response.add_header(Header::from_bytes(name, value).expect("plain ASCII"));
    }
    request.respond(response)
}

/// The file of an address, if it lies in the folder.
fn file_of(url: &str, folder: &Path) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let relative = Path::new(if path.is_empty() { "index.html" } else { path });
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    Some(folder.join(relative)).filter(|path| inside && path.is_file())
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        std::fs::create_dir(&site).unwrap();
        std::fs::write(site.join("index.html"), "page").unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        assert_eq!(file_of("/?device=cpu", &site), Some(site.join("index.html")));
        for url in ["/../secret", "//etc/passwd", "/./../secret", "/missing"] {
            assert_eq!(file_of(url, &site), None, "{url}");
        }
    }
}
