use super::*;
use crate::wasm::surface::read_surface;

/// A profile whose contract has a resource, an alias of it, and every kind of type.
const PROFILE: &str = r#"
name = "acme:host"
version = "1.2.0"
abi = "component"
import = [
    { module = "acme:host/types", version = "^1", capability = "sessions" },
    { module = "acme:host/types", name = "[method]session.read" },
    { module = "acme:host/store", version = "^1" },
    { module = "note" },
]
wit = """
package acme:host@1.2.0;
interface types {
    variant error { closed, other(string) }
    flags mode { fast, quiet }
    enum colour { red, green }
    record place { x: f32, y: f32 }
    resource session {
        constructor(name: string);
        read: func(max: u32, mode: mode) -> result<list<u8>, error>;
        open: static func(colour: colour) -> option<session>;
    }
}
interface store {
    use types.{session as visit, place};
    put: func(visit: borrow<visit>, at: place, more: tuple<u8, char>) -> result<_, string>;
}
world plugin {
    import store;
    import note: func(text: string);
}
"""
[[capability]]
name = "sessions"
risk = "low"
description = "Can open sessions"
"#;

const COMPONENT: &str = r#"(component
  (import "acme:host/types@1.0.3" (instance $types
    (export "session" (type $session (sub resource)))
    (type $error' (variant (case "closed") (case "other" string)))
    (export "error" (type $error (eq $error')))
    (type $mode' (flags "fast" "quiet"))
    (export "mode" (type $mode (eq $mode')))
    (type $colour' (enum "red" "green"))
    (export "colour" (type $colour (eq $colour')))
    (type $place' (record (field "x" f32) (field "y" f32)))
    (export "place" (type $place (eq $place')))
    (export "[constructor]session" (func (param "name" string) (result (own $session))))
    (export "[method]session.read" (func (param "self" (borrow $session)) (param "max" u32) (param "mode" $mode)
      (result (result (list u8) (error $error)))))
    (export "[static]session.open" (func (param "colour" $colour) (result (option (own $session)))))))
  (alias export $types "session" (type $session))
  (alias export $types "place" (type $place))
  (import "acme:host/store@1.0.3" (instance
    (alias outer 1 $session (type $session'))
    (export "visit" (type $visit (eq $session')))
    (alias outer 1 $place (type $place'))
    (export "place" (type $at (eq $place')))
    (export "put" (func (param "visit" (borrow $visit)) (param "at" $at) (param "more" (tuple u8 char))
      (result (result (error string)))))))
  (import "note" (func (param "text" string))))"#;

fn judged(component: &str) -> Vec<Judgement> {
    let profile = HostProfile::from_toml(PROFILE).unwrap();
    let contract = Contract::new(&profile).unwrap();
    let surface = read_surface(&wat::parse_str(component).unwrap()).unwrap();
    surface.imports.iter().map(|import| contract.judge(import)).collect()
}

fn always() -> Judgement {
    Judgement::Offered { needs: Vec::new() }
}

#[test]
fn types_of_a_component_equal_those_of_the_wit_by_structure_and_resources_by_name() {
    let sessions = Judgement::Offered { needs: vec!["sessions".parse().unwrap()] };

    assert_eq!(judged(COMPONENT), [sessions, always(), always()]);
}

#[test]
fn a_changed_field_case_or_result_is_found_with_both_types() {
    let changed = |from: &str, to: &str| {
        let component = COMPONENT.replace(from, to);
        assert_ne!(component, COMPONENT);
        judged(&component)
            .into_iter()
            .find(|judgement| matches!(judgement, Judgement::Different { .. }))
            .unwrap()
    };

    assert_eq!(
        changed(r#"(case "other" string)"#, r#"(case "other" u8)"#),
        Judgement::Different {
            expected:
                "[method]session.read: func(self: borrow<session>, max: u32, mode: flags { fast, quiet }) -> \
                       result<list<u8>, variant { closed, other(string) }>"
                    .into(),
            found:
                "[method]session.read: func(self: borrow<session>, max: u32, mode: flags { fast, quiet }) -> \
                    result<list<u8>, variant { closed, other(u8) }>"
                    .into(),
        }
    );
    for (from, to) in [
        (r#"(field "y" f32)"#, r#"(field "z" f32)"#),
        ("(tuple u8 char)", "(tuple char u8)"),
        ("(result (result (error string)))", "(result (result string (error string)))"),
        (r#"(param "text" string)"#, r#"(param "text" (list u8))"#),
        (r#"(enum "red" "green")"#, r#"(enum "green" "red")"#),
    ] {
        assert!(matches!(changed(from, to), Judgement::Different { .. }));
    }
}

#[test]
fn one_function_may_need_less_than_its_interface_but_an_unlisted_one_needs_the_same() {
    let only_read = r#"(component (import "acme:host/types@1.0.0" (instance
        (export "session" (type $session (sub resource)))
        (type $mode' (flags "fast" "quiet"))
        (export "mode" (type $mode (eq $mode')))
        (type $error' (variant (case "closed") (case "other" string)))
        (export "error" (type $error (eq $error')))
        (export "[method]session.read" (func (param "self" (borrow $session)) (param "max" u32)
          (param "mode" $mode) (result (result (list u8) (error $error))))))))"#;
    let only_types = r#"(component (import "acme:host/types@1.0.0" (instance
        (export "session" (type $session (sub resource))))))"#;

    assert_eq!(judged(only_read), [always()]);
    assert_eq!(judged(only_types), [Judgement::Offered { needs: vec!["sessions".parse().unwrap()] }]);
}

#[test]
fn anything_that_is_not_plainly_an_offered_interface_or_function_is_unknown() {
    for import in [
        r#"(import "acme:host/types" (func))"#,
        r#"(import "acme:host/store@1.0.0" (func))"#,
        r#"(import "note" (instance))"#,
        r#"(import "other" (func))"#,
        r#"(import "acme:host/types@1.0.0+build" (instance))"#,
        r#"(import "url=<https://example.org/>" (instance))"#,
        r#"(import "a" (type (sub resource)))"#,
    ] {
        let judgement = judged(&format!("(component {import})")).remove(0);

        assert!(
            matches!(judgement, Judgement::Unknown | Judgement::Different { .. }),
            "{import}: {judgement:?}"
        );
    }
}

#[test]
fn the_nearest_import_is_likest_by_name_then_by_module() {
    let candidates = || {
        [("env", "read"), ("wasi", "read"), ("env", "write")]
            .into_iter()
            .map(|(module, name)| ((module, name), format!("{module}.{name}")))
    };

    assert_eq!(nearest_of(("wasi_old", "read"), candidates()).as_deref(), Some("wasi.read"));
    assert_eq!(nearest_of(("env", "wrote"), candidates()).as_deref(), Some("env.write"));
    assert_eq!(nearest_of(("env", "hello_world"), candidates()), None);
}

#[test]
fn a_profile_whose_rules_are_not_in_its_wit_is_refused() {
    let refusal = |from: &str, to: &str| {
        let profile = HostProfile::from_toml(&PROFILE.replacen(from, to, 1)).unwrap();
        check_profile(&profile).map_err(|error| error.to_string())
    };

    let interface = refusal("module = \"acme:host/store\"", "module = \"acme:host/shop\"").unwrap_err();
    let function = refusal("[method]session.read", "[method]session.write").unwrap_err();
    let wit = refusal("interface store {", "interface store").unwrap_err();

    assert_eq!(refusal("", ""), Ok(()));
    assert!(interface.contains("import `acme:host/shop`: the WIT has no such interface"), "{interface}");
    assert!(function.contains("no function `[method]session.write`"), "{function}");
    assert!(wit.contains("host profile, wit: "), "{wit}");
}
