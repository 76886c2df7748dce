//! What a function of the language is given: by place and by name.

use ndfolio_kernel::elementwise::Literal;
use ndfolio_layout::DType;

use super::{
    EvalError, Name, Span,
    lower::{Item, Lowering, dtype_of},
    names::unknown_name,
};
use crate::{Along, Lazy};

/// What a call was given.
pub(super) struct Given {
    pub(super) positional: Vec<(Span, Item)>,
    pub(super) named: Vec<(Name, (Span, Item))>,
}

/// What arguments a function takes, and those that it was given.
pub(super) struct Bound<'g> {
    pub(super) lowering: &'g Lowering<'g>,
    pub(super) span: Span,
    pub(super) function: String,
    pub(super) names: &'static [&'static str],
    values: Vec<Option<(Span, Item)>>,
}

impl<'g> Bound<'g> {
    /// Gives a function's arguments their names.
    pub(super) fn new(
        lowering: &'g Lowering<'g>,
        (span, name): (Span, &Name),
        given: Given,
        names: &'static [&'static str],
    ) -> Result<Self, EvalError> {
        let mut values: Vec<Option<(Span, Item)>> = names.iter().map(|_| None).collect();
        let function = name.text.clone();
        if let Some((extra, _)) = given.positional.get(names.len()) {
            let message = format!("{function} takes {}: ({})", count(names.len()), names.join(", "));
            return Err(lowering.error(*extra, message));
        }
        for (place, value) in values.iter_mut().zip(given.positional) {
            *place = Some(value);
        }
        for (name, value) in given.named {
            let Some(at) = names.iter().position(|known| *known == name.text) else {
                let taken = format!("; it takes ({})", names.join(", "));
                let unknown = unknown_name("argument", &name.text, names.iter().copied());
                return Err(lowering.error(name.span, format!("{function}: {unknown}{taken}")));
            };
            if values[at].is_some() {
                let message = format!("{function} has the argument '{}' twice", name.text);
                return Err(lowering.error(name.span, message));
            }
            values[at] = Some(value);
        }
        Ok(Bound { lowering, span, function, names, values })
    }

    fn place(&self, name: &str) -> usize {
        self.names.iter().position(|known| *known == name).unwrap_or(0)
    }

    pub(super) fn get(&self, name: &str) -> Option<&(Span, Item)> {
        // None is what is left out, as in NumPy.
        self.values[self.place(name)].as_ref().filter(|(_, item)| !matches!(item, Item::None))
    }

    pub(super) fn wrong(&self, span: Span, name: &str, expected: &str, found: &Item) -> EvalError {
        let message = format!("{}: {name} must be {expected}, found {}", self.function, found.kind());
        self.lowering.error(span, message)
    }

    pub(super) fn array_if_given(&self, name: &str) -> Result<Option<Lazy>, EvalError> {
        match self.get(name) {
            None => Ok(None),
            Some((_, Item::Array(lazy))) => Ok(Some(lazy.clone())),
            Some((span, other)) => Err(self.wrong(*span, name, "an array", other)),
        }
    }

    pub(super) fn array(&self, name: &str) -> Result<Lazy, EvalError> {
        self.array_if_given(name)?.ok_or_else(|| {
            let message = format!("{} needs {}: ({})", self.function, name, self.names.join(", "));
            self.lowering.error(self.span, message)
        })
    }

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, EvalError> {
        let Some((span, item)) = self.get(name) else { return Ok(None) };
        match whole(item) {
            Some(n) => Ok(Some(n)),
            None => Err(self.wrong(*span, name, "a whole number", item)),
        }
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, EvalError> {
        let Some((span, item)) = self.get(name) else { return Ok(None) };
        let all = match item {
            Item::Several(items) => items.iter().map(|(_, item)| whole(item)).collect(),
            item => whole(item).map(|n| vec![n]),
        };
        all.map(Some).ok_or_else(|| self.wrong(*span, name, "whole numbers", item))
    }

    pub(super) fn truth(&self, name: &str) -> Result<bool, EvalError> {
        match self.get(name) {
            None => Ok(false),
            Some((span, item)) => match literal(item) {
                Some(Literal::Bool(truth)) => Ok(truth),
                _ => Err(self.wrong(*span, name, "True or False", item)),
            },
        }
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, EvalError> {
        let Some((span, item)) = self.get(name) else { return Ok(None) };
        match literal(item) {
            Some(Literal::Int(n)) => Ok(Some(n as f64)),
            Some(Literal::Float(x)) => Ok(Some(x)),
            _ => Err(self.wrong(*span, name, "a number", item)),
        }
    }

    pub(super) fn dtype(&self, name: &str) -> Result<Option<DType>, EvalError> {
        let Some((span, item)) = self.get(name) else { return Ok(None) };
        match dtype_of(item) {
            Some(Ok(dtype)) => Ok(Some(dtype)),
            Some(Err(message)) => Err(self.lowering.error(*span, message)),
            None => Err(self.wrong(*span, name, "a dtype such as 'f4'", item)),
        }
    }

    pub(super) fn axes(&self, name: &str) -> Result<Along, EvalError> {
        Ok(match self.ints(name)? {
            Some(axes) => axes.into_iter().map(|axis| axis as isize).collect::<Vec<_>>().into(),
            None => ().into(),
        })
    }

    pub(super) fn done(&self, lazy: Lazy) -> Result<Item, EvalError> {
        self.lowering.checked(self.span, lazy)
    }
}

fn count(n: usize) -> String {
    if n == 1 { "one argument".to_owned() } else { format!("at most {n} arguments") }
}

pub(super) fn literal(item: &Item) -> Option<Literal> {
    if let Item::Array(lazy) = item { lazy.as_literal() } else { None }
}

pub(super) fn whole(item: &Item) -> Option<i64> {
    match literal(item)? {
        Literal::Int(n) => i64::try_from(n).ok(),
        _ => None,
    }
}
