//! What names mean: arrays that are given, bindings, constants.

use std::collections::HashSet;

use ndfolio_layout::DType;
use unicode_ident::{is_xid_continue, is_xid_start};

use super::{Binding, Constant, EvalError, Expr, Name, Node, Program, Span, error::quoted, nearest};

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Python's types that NumPy takes for dtypes.
const TYPES: [&str; 6] = ["bool", "int", "float", "complex", "str", "bytes"];

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// Whether a name stands for NumPy.
pub(super) fn is_numpy(name: &str) -> bool {
    matches!(name, "np" | "numpy")
}

/// What `np.name` is where it is not called.
pub(super) fn of_numpy(name: &str) -> Result<Node, String> {
    if let Some(constant) = Constant::find(name) {
        return Ok(Node::Constant(constant));
    }
    if name == "newaxis" {
        return Ok(Node::None);
    }
    // Codes such as f4 are text; NumPy has names for them.
    let named = name.len() > 3 && name.starts_with(|c: char| c.is_ascii_lowercase());
    if TYPES.contains(&name) || named && !name.contains(' ') && name.parse::<DType>().is_ok() {
        return Ok(Node::Type(name.to_owned()));
    }
    let full = quoted(&format!("np.{name}"));
    Err(format!("{full} is neither a constant nor a dtype; functions are called: np.sqrt(x)"))
}

/// What a name is that no array has.
fn builtin(name: &str) -> Option<Node> {
    if TYPES.contains(&name) {
        return Some(Node::Type(name.to_owned()));
    }
    if name == "newaxis" {
        return Some(Node::None);
    }
    Constant::find(name).map(Node::Constant)
}

/// Whether an array can be given under a name.
///
/// # Errors
/// Why not.
pub fn check_name(name: &str) -> Result<(), String> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| is_xid_start(c) || c == '_');
    if !first || !characters.all(is_xid_continue) {
        return Err(format!(
            "{} is not a name; expected letters, digits and '_', a digit not first",
            quoted(name)
        ));
    }
    if is_keyword(name) {
        return Err(format!("'{name}' is a word of Python's; take another name"));
    }
    if is_numpy(name) {
        return Err(format!("'{name}' stands for NumPy; take another name"));
    }
    Ok(())
}

/// The message about a function, a method or another name that is none of those known.
#[must_use]
pub fn unknown_name<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let unknown = format!("there is no {what} {}", quoted(name));
    match nearest(name, known) {
        Some(near) => format!("{unknown}; did you mean '{near}'?"),
        None => unknown,
    }
}

impl Program {
    /// The names with values, in the order in which they are computed.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The expression that is the result.
    #[must_use]
    pub fn result(&self) -> &Expr {
        &self.result
    }

    /// The text that was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An error about a part of the text.
    pub fn error(&self, span: Span, message: impl Into<String>) -> EvalError {
        EvalError::new(&self.text, span, message)
    }

    /// The names that no binding before them gives a value, each once, in the order of the text: arrays, and
    /// constants without `np.` before them.
    pub fn free_names(&self) -> impl Iterator<Item = Name> {
        let (mut free, mut known) = (Vec::new(), HashSet::new());
        for Binding { name, value } in &self.bindings {
            collect(value, &mut known, &mut free);
            known.insert(&name.text);
        }
        collect(&self.result, &mut known, &mut free);
        free.into_iter()
    }

    /// Those of the given names that the program does not use.
    #[must_use]
    pub fn unused<'a>(&self, given: &[&'a str]) -> Vec<&'a str> {
        let used: HashSet<String> = self.free_names().map(|name| name.text).collect();
        given.iter().copied().filter(|name| !used.contains(*name)).collect()
    }

    /// Puts constants and dtypes in the place of the names that are neither given nor bound.
    ///
    /// # Errors
    /// A name that means nothing.
    pub fn resolve(mut self, given: &[&str]) -> Result<Self, EvalError> {
        let mut known: HashSet<String> = given.iter().map(|&name| name.to_owned()).collect();
        let unknown =
            self.free_names().find(|name| !known.contains(&name.text) && builtin(&name.text).is_none());
        if let Some(Name { text, span }) = unknown {
            return Err(self.error(span, no_array(&text, given)));
        }
        for Binding { name, value } in &mut self.bindings {
            replace(value, &known);
            known.insert(name.text.clone());
        }
        replace(&mut self.result, &known);
        Ok(self)
    }
}

/// Adds the names of an expression that are not known, and knows them.
fn collect<'a>(expr: &'a Expr, known: &mut HashSet<&'a String>, free: &mut Vec<Name>) {
    if let Node::Name(text) = &expr.node
        && known.insert(text)
    {
        free.push(Name { text: text.clone(), span: expr.span });
    }
    for child in expr.children() {
        collect(child, known, free);
    }
}

fn replace(expr: &mut Expr, known: &HashSet<String>) {
    if let Node::Name(name) = &expr.node
        && !known.contains(name)
        && let Some(node) = builtin(name)
    {
        expr.node = node;
    }
    for child in expr.children_mut() {
        replace(child, known);
    }
}

fn no_array(name: &str, given: &[&str]) -> String {
    let given = match given {
        [] => "none is given".to_owned(),
        [one] => format!("given is {one}"),
        all => format!("given are {}", all.join(", ")),
    };
    format!("there is no array {}; {given}; add {name}=FILE", quoted(name))
}
