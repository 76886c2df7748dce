//! The rules of the workspace that a compiler does not know.

mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use source::Source;

/// Which of our crates each crate may use. The data flows from the first to the last, imports point to the left.
const IMPORTS: &[(&str, &[&str])] = &[
    ("ndfolio-layout", &[]),
    ("ndfolio-format", &["ndfolio-layout"]),
    ("ndfolio-store", &[]),
    ("ndfolio-kernel", &["ndfolio-layout", "ndfolio-store"]),
    ("ndfolio-engine", &["ndfolio-layout", "ndfolio-store", "ndfolio-kernel"]),
    ("ndfolio", &["ndfolio-layout", "ndfolio-format", "ndfolio-store", "ndfolio-kernel", "ndfolio-engine"]),
    ("ndfolio-cli", &["ndfolio"]),
    ("ndfolio-python", &["ndfolio"]),
    ("xtask", &[]),
];

/// Crates from elsewhere that have no place in one of ours.
const FOREIGN: &[(&str, &[&str])] = &[
    ("ndfolio-layout", &["libc", "rustix", "memmap2"]),
    ("ndfolio-format", &["libc", "rustix", "memmap2"]),
    ("ndfolio", &["clap", "clap_complete", "indicatif", "pyo3", "serde_json"]),
];

/// Where `unsafe` may stand: the beginnings of paths.
const UNSAFE: &[&str] = &[
    "crates/store/src/",
    "crates/kernel/src/simd",
    "crates/engine/src/disjoint.rs",
    // Zero-copy views are `unsafe` constructors that name the risk.
    "crates/ndfolio/src/memmap.rs",
    "python/",
];

const MAX_LINES: usize = 600;

fn root() -> PathBuf {
    // Of this run, not of the build: checkouts may share a target folder.
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().to_owned()
}

/// Each crate's normal and build dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let about: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|d| d["kind"] != "dev").map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = about["packages"].as_array().unwrap();
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), names(package))).collect()
}

/// Every file of ours with one of these endings: its path from the root, with `/`, and its text.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["crates", "xtask", "python", "tests", "examples", "fuzz"] {
        collect(&root().join(folder), endings, &mut found);
    }
    assert!(found.len() > 5, "the repository's files were not found");
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, endings, found);
        } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
            let short = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push((short, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whether a file belongs to tests: in a folder of them, or the `tests.rs` of a module.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

fn fail_with(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn crates_import_to_the_left() {
    let all = dependencies();
    let mut problems = Vec::new();
    for (name, found) in &all {
        let Some((_, allowed)) = IMPORTS.iter().find(|(crate_name, _)| crate_name == name) else {
            problems.push(format!("{name} has no line in IMPORTS"));
            continue;
        };
        for other in found.iter().filter(|other| all.contains_key(*other)) {
            if !allowed.contains(&other.as_str()) {
                problems.push(format!("{name} must not depend on {other}"));
            }
        }
    }
    fail_with(&problems);
}

#[test]
fn crates_stay_free_of_what_is_not_theirs() {
    let all = dependencies();
    let mut problems = Vec::new();
    for (name, banned) in FOREIGN {
        let found = all.get(*name).unwrap_or_else(|| panic!("there is no crate {name}"));
        problems.extend(
            found
                .iter()
                .filter(|other| banned.contains(&other.as_str()))
                .map(|other| format!("{name} must not depend on {other}")),
        );
    }
    fail_with(&problems);
}

#[test]
fn crates_follow_the_lints_of_the_workspace() {
    let mut problems = Vec::new();
    for (path, text) in files(&["toml"]) {
        if path.ends_with("/Cargo.toml")
            && !path.starts_with("fuzz/")
            && !text.contains("[lints]\nworkspace = true")
        {
            problems.push(format!("{path}: [lints] workspace = true is missing"));
        }
    }
    fail_with(&problems);
}

#[test]
fn unsafe_stays_in_its_places_and_says_why() {
    let mut problems = Vec::new();
    for (path, text) in files(&["rs"]) {
        let source = Source::new(&text);
        let allowed = UNSAFE.iter().any(|place| path.starts_with(place)) || is_test(&path);
        for (line, after) in unsafe_words(&source) {
            let place = format!("{path}:{}", line + 1);
            if !allowed {
                problems.push(format!("{place}: unsafe has no place here"));
            } else if let Some(problem) = undocumented(&source, line, &after) {
                problems.push(format!("{place}: {problem}"));
            }
        }
    }
    fail_with(&problems);
}

/// The lines of the code on which `unsafe` stands, with what follows it.
fn unsafe_words(source: &Source) -> Vec<(usize, String)> {
    let words = source.words().into_iter();
    words.filter(|(_, word, _)| word == "unsafe").map(|(line, _, after)| (line, after)).collect()
}

/// What is missing of the reason for an `unsafe`.
fn undocumented(source: &Source, line: usize, after: &str) -> Option<&'static str> {
    let first = source.comments.len().min(line).saturating_sub(4);
    let noted = source.comments[first..=line].iter().any(|comment| comment.contains("SAFETY:"));
    let is_type = after.starts_with("fn(") || after.starts_with("extern \"C\" fn(");
    let declares =
        (after.starts_with("fn ") || after.starts_with("extern") || after.starts_with("trait")) && !is_type;
    if declares {
        let documented = noted || has_safety_section(source, line) || implements(source, line);
        return (!documented).then_some("no `# Safety` section above");
    }
    ((after.starts_with('{') || after.starts_with("impl")) && !noted)
        .then_some("no `// SAFETY:` within the 4 lines above")
}

/// Whether the documentation right above a line has a `# Safety` section.
fn has_safety_section(source: &Source, line: usize) -> bool {
    for above in (0..line).rev() {
        let (code, comment) = (source.code[above].trim(), source.comments[above].trim());
        if comment.starts_with("/// # Safety") {
            return true;
        }
        if !(comment.starts_with("///") || comment.starts_with("//") || code.starts_with("#[")) {
            return false;
        }
    }
    false
}

/// Whether the function on a line implements a trait's, which is where its caller finds what to see to.
fn implements(source: &Source, line: usize) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let blocks = ["impl", "unsafe impl", "trait", "unsafe trait", "pub", "mod", "extern", "fn"];
    let own = indent(&source.code[line]);
    let above = source.code[..line].iter().rev();
    let mut outer =
        above.filter(|l| indent(l) < own && blocks.iter().any(|block| l.trim_start().starts_with(block)));
    outer.next().is_some_and(|block| {
        block.trim_start().trim_start_matches("unsafe ").starts_with("impl") && block.contains(" for ")
    })
}

#[test]
fn files_are_short_enough_to_be_read() {
    let mut problems = Vec::new();
    for (path, text) in files(&["rs", "py"]) {
        let lines = text.lines().count();
        if lines > MAX_LINES && !is_test(&path) {
            problems.push(format!("{path} has {lines} lines, more than {MAX_LINES}"));
        }
    }
    fail_with(&problems);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together, so that this file does not hold them.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let macros = [concat!("to", "do"), concat!("unimple", "mented")];
    let mut problems = Vec::new();
    for (path, text) in files(&["rs", "py"]) {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                problems.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
        if path.ends_with(".rs") {
            for (line, word, after) in Source::new(&text).words() {
                if macros.contains(&word.as_str()) && after.starts_with('!') {
                    problems.push(format!("{path}:{}: {word}!", line + 1));
                }
            }
        }
    }
    fail_with(&problems);
}

/// The rules above are only as good as the eye that reads the source.
#[test]
fn the_reader_of_source_can_tell_code_from_text() {
    let text = r###"
// unsafe in a comment
/* unsafe /* nested */ unsafe */ let a = "unsafe \" unsafe"; let b = r#"unsafe " unsafe"#;
let c = '"'; let d = 'u'; let e: &'static str = b"unsafe"; // SAFETY: here
fn f() { unsafe { g() } }
"###;
    let source = Source::new(text);
    assert_eq!(unsafe_words(&source).len(), 1);
    assert_eq!(unsafe_words(&source)[0].0, 4);
    assert!(unsafe_words(&source)[0].1.starts_with("{ g() }"));
    assert_eq!(undocumented(&source, 4, "{ g() }"), None);
    assert!(source.code[3].contains("&'static str"), "{:?}", source.code[3]);
}

#[test]
fn a_missing_reason_is_seen() {
    let check = |text: &str| {
        let source = Source::new(text);
        let (line, after) = unsafe_words(&source).remove(0);
        undocumented(&source, line, &after).is_some()
    };
    assert!(check("fn f() {\n    unsafe { g() }\n}"));
    assert!(!check("// SAFETY: g asks nothing.\nunsafe { g() }"));
    assert!(check("// SAFETY: too far\n\n\n\n\nunsafe { g() }"));
    assert!(check("/// Does it.\npub unsafe fn f() {}"));
    assert!(!check(
        "/// Does it.\n///\n/// # Safety\n/// The caller looks.\n#[inline]\npub unsafe fn f() {}"
    ));
    assert!(check("impl X {\n    unsafe fn f() {}\n}"));
    assert!(!check("impl T for X {\n    fn a() {}\n\n    unsafe fn f() {}\n}"));
    assert!(check("unsafe impl Send for X {}"));
    assert!(!check("struct X { f: unsafe fn() }"));
}
