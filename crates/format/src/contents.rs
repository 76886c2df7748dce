use ndfolio_layout::View;

use crate::{Format, FormatError, error::listed};

/// What is in a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// The file's format.
    pub format: Format,
    /// The format's version, where the file says one.
    pub version: Option<String>,
    /// The arrays, and what else lies beside them, in the order of the file's own directory.
    pub members: Vec<Member>,
    /// What a user may want to know about this file, a sentence each.
    pub notes: Vec<String>,
}

/// One array of a file, or the reason why it is none that can be used in place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Member {
    /// Its name, without the `.npy` that NumPy's archives add; empty in a file that is one array.
    pub name: String,
    /// Where it lies; or why not: [`FormatError::Unmappable`], [`FormatError::NotAnArray`], or what is wrong
    /// with its header.
    pub array: Result<View, FormatError>,
}

impl Member {
    pub(crate) fn new(name: impl Into<String>, array: Result<View, FormatError>) -> Self {
        Member { name: name.into(), array }
    }

    /// Where its array lies.
    ///
    /// # Errors
    /// The reason why there is none, or none that can be used in place.
    pub fn view(&self) -> Result<&View, FormatError> {
        self.array.as_ref().map_err(Clone::clone)
    }
}

impl Contents {
    pub(crate) fn new(format: Format, members: Vec<Member>) -> Self {
        Contents { format, version: None, members, notes: Vec::new() }
    }

    /// The member of this name, with or without `.npy`.
    ///
    /// # Errors
    /// [`FormatError::NoMember`] with the names that there are.
    pub fn member(&self, name: &str) -> Result<&Member, FormatError> {
        let find = |name: &str| self.members.iter().find(|member| member.name == name);
        find(name)
            .or_else(|| find(name.strip_suffix(".npy")?))
            .ok_or_else(|| FormatError::NoMember { name: name.to_owned(), names: listed(self.array_names()) })
    }

    /// The member of a file that has one array.
    ///
    /// # Errors
    /// [`FormatError::NoMember`] or [`FormatError::SeveralMembers`], with the names that there are.
    pub fn only(&self) -> Result<&Member, FormatError> {
        let mut arrays = self.members.iter().filter(|member| member.is_array());
        match (arrays.next(), arrays.next()) {
            (Some(member), None) => Ok(member),
            (None, _) => {
                Err(FormatError::NoMember { name: String::new(), names: listed(self.array_names()) })
            }
            (Some(_), Some(_)) => Err(FormatError::SeveralMembers {
                count: self.array_names().count(),
                names: listed(self.array_names()),
            }),
        }
    }

    fn array_names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|member| member.is_array()).map(|member| member.name.as_str())
    }
}

impl Member {
    /// Whether it is an array, be it one that cannot be used in place.
    #[must_use]
    pub fn is_array(&self) -> bool {
        !matches!(self.array, Err(FormatError::NotAnArray { .. }))
    }
}
