use super::*;
use crate::domain::{Abi, CoreType, Risk};
use crate::wasm::check_profile;
use crate::wasm::wit_text::WitContract;

/// Every interface of WASI 0.2, from the WIT of the crate `wasip2` 1.0.4+wasi-0.2.12.
const WASI_0_2: &str = include_str!("wasi-0.2-interfaces.txt");

fn named(name: &str) -> &'static HostProfile {
    built_in_profile(name).unwrap()
}

fn need(profile: &HostProfile, module: &str, name: Option<&str>) -> Option<String> {
    let rule = profile
        .imports
        .iter()
        .find(|rule| rule.module == module && rule.name.as_deref() == name)
        .unwrap_or_else(|| panic!("{} has no rule for {module} {name:?}", profile.id()));
    rule.capability.as_ref().map(ToString::to_string)
}

#[test]
fn every_built_in_profile_is_consistent_and_has_a_readable_contract() {
    let profiles = load().unwrap();

    let names: Vec<String> = profiles.iter().map(|profile| profile.id().to_string()).collect();
    assert_eq!(
        names,
        [
            "pluginry:reference@1.0.0",
            "wasi:cli@0.2.0",
            "extism:pdk@1.0.0",
            "proxy-wasm:abi@0.2.1",
            "dprint:plugin@4.0.0",
            "swc:transform@1.0.0"
        ]
    );
    for profile in &profiles {
        assert!(!profile.description.is_empty(), "{}", profile.id());
        check_profile(profile).unwrap();
        let read_again: HostProfile = toml::from_str(&toml::to_string(profile).unwrap()).unwrap();
        assert_eq!(read_again, *profile);
    }
}

#[test]
fn every_power_is_one_sentence_a_person_can_weigh() {
    for profile in built_in_profiles() {
        for power in &profile.capabilities {
            let sentence = &power.description;
            assert!(sentence.starts_with("Can ") && sentence.chars().count() <= 80, "{sentence}");
            for word in ["safe", "trusted", "dangerous", "etc"] {
                assert!(!sentence.to_lowercase().contains(word), "{sentence}");
            }
            let is_used = profile.imports.iter().any(|rule| rule.capability.as_ref() == Some(&power.name));
            assert!(is_used, "nothing in {} needs {}", profile.id(), power.name);
        }
    }
}

#[test]
fn the_reference_profile_offers_exactly_what_its_world_imports_and_calls_what_it_exports() {
    let profile = named("pluginry:reference");
    let contract = WitContract::read(profile.wit.as_ref().unwrap()).unwrap();

    let mut in_profile: Vec<&str> = profile.imports.iter().map(|rule| rule.module.as_str()).collect();
    in_profile.extend(profile.extension_points.iter().flat_map(|p| &p.exports).map(|e| e.name.as_str()));
    in_profile.sort_unstable();

    let in_wit: Vec<&str> = contract.interfaces.keys().map(String::as_str).collect();
    assert_eq!(in_profile, in_wit);
    assert_eq!(need(profile, "pluginry:plugin/kv", None).as_deref(), Some("storage"));
    assert_eq!(need(profile, "pluginry:plugin/log", None), None);
}

#[test]
fn every_interface_of_wasi_0_2_is_mapped() {
    let profile = named("wasi:cli");

    let interfaces: Vec<&str> = WASI_0_2.lines().filter(|line| line.starts_with("wasi:")).collect();
    let unmapped: Vec<&&str> = interfaces
        .iter()
        .filter(|interface| {
            let is_offered = profile.imports.iter().any(|rule| rule.module == ***interface);
            let is_called =
                profile.extension_points.iter().flat_map(|p| &p.exports).any(|e| e.name == ***interface);
            !is_offered && !is_called
        })
        .collect();

    assert_eq!(interfaces.len(), 32);
    assert_eq!(unmapped, Vec::<&&str>::new());
}

#[test]
fn interfaces_of_wasi_0_2_need_what_they_reach() {
    let profile = named("wasi:cli");

    for interface in interfaces_of("wasi:sockets/") {
        assert_eq!(need(profile, interface, None).as_deref(), Some("network"), "{interface}");
    }
    for interface in ["wasi:clocks/", "wasi:io/", "wasi:random/"].into_iter().flat_map(interfaces_of) {
        assert_eq!(need(profile, interface, None), None, "{interface}");
    }
    assert_eq!(need(profile, "wasi:http/outgoing-handler", None).as_deref(), Some("network"));
    assert_eq!(need(profile, "wasi:filesystem/types", None).as_deref(), Some("file-read"));
    let unlink = Some("[method]descriptor.unlink-file-at");
    assert_eq!(need(profile, "wasi:filesystem/types", unlink).as_deref(), Some("file-write"));
}

fn interfaces_of(package: &str) -> impl Iterator<Item = &'static str> {
    WASI_0_2.lines().filter(move |line| line.starts_with(package))
}

#[test]
fn every_function_of_preview_1_is_mapped_and_guards_the_way_to_files_and_sockets() {
    let profile = named("wasi:cli");
    let preview1: Vec<&str> = profile
        .imports
        .iter()
        .filter(|rule| rule.module == "wasi_snapshot_preview1")
        .filter_map(|rule| rule.name.as_deref())
        .collect();

    assert_eq!(preview1.len(), 46);
    for name in preview1 {
        let needed = need(profile, "wasi_snapshot_preview1", Some(name));
        if name.starts_with("path_") {
            assert!(matches!(needed.as_deref(), Some("file-read" | "file-write")), "{name}");
        }
        if name.starts_with("sock_") {
            assert_eq!(needed.as_deref(), Some("network"), "{name}");
        }
        if name != "sock_accept" {
            assert_eq!(need(profile, "wasi_unstable", Some(name)), needed);
        }
    }
    assert_eq!(need(profile, "wasi_snapshot_preview1", Some("fd_write")), None);
    assert_eq!(
        need(profile, "wasi_snapshot_preview1", Some("path_unlink_file")).as_deref(),
        Some("file-write")
    );
    assert_eq!(need(profile, "wasi_snapshot_preview1", Some("environ_get")).as_deref(), Some("environment"));
}

#[test]
fn hosts_in_the_wild_keep_reaching_out_apart_from_the_rest() {
    let extism = named("extism:pdk");
    let proxy = named("proxy-wasm:abi");

    assert_eq!(need(extism, "extism:host/env", Some("http_request")).as_deref(), Some("network"));
    assert_eq!(need(extism, "extism:host/env", Some("var_set")).as_deref(), Some("storage"));
    assert_eq!(need(extism, "extism:host/env", Some("config_get")), None);
    assert_eq!(need(proxy, "env", Some("proxy_grpc_stream")).as_deref(), Some("network"));
    assert_eq!(need(proxy, "env", Some("proxy_set_shared_data")).as_deref(), Some("storage"));
    for profile in built_in_profiles() {
        for power in profile.capabilities.iter().filter(|power| power.name.as_str() == "network") {
            assert_eq!(power.risk, Risk::High, "{}", profile.id());
        }
    }
}

#[test]
fn core_types_stand_in_one_spelling() {
    for rule in built_in_profiles().iter().filter(|p| p.abi != Abi::Component).flat_map(|p| &p.imports) {
        if let Some(ty) = &rule.ty {
            assert_eq!(ty.parse::<CoreType>().unwrap().to_string(), *ty, "{}", rule.label());
        }
    }
}
