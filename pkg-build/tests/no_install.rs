//! `cargo verify --no-install` on a machine that lacks a browser.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn what_is_missing_is_listed_with_its_command_and_nothing_is_installed() {
    let path = tempfile::tempdir().unwrap();
    let trace = path.path().join("trace");
    for manager in ["apt-get", "npm", "rustup", "sudo"] {
        let program = path.path().join(manager);
        fs::write(&program, format!("#!/bin/sh\necho {manager} >> '{}'\n", trace.display())).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_pkg-build"))
        .args(["verify", "--only", "firefox", "--no-install"])
        .env("PATH", path.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{said}");
    let line = said.lines().find(|line| line.trim_start().starts_with("Firefox, by: "));
    assert!(
        line.is_some_and(|line| line.ends_with("install -y -q --no-install-recommends firefox-esr")),
        "{said}"
    );
    assert!(!said.contains("== firefox"), "a step ran: {said}");
    assert!(!trace.exists(), "{} ran", fs::read_to_string(trace).unwrap_or_default());
}
