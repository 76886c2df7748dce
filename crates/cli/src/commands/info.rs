use std::io::Write;

use ndfolio::{Array, ByteOrder, Contents, DType, Location, Order, View, json};
use serde_json::{Map, Value as Json, json};

use crate::{
    args::InfoArgs,
    failure::Failure,
    output::{Output, bytes_text, dtype_text, tuple},
};

pub(crate) fn run(args: &InfoArgs) -> Result<(), Failure> {
    let location = args.input.location()?;
    let options = args.input.raw.options(&args.input.path)?;
    let info = options.info(location.path())?;
    // Of several arrays none is the file's; each is listed, and so is one that cannot be used.
    let whole = location.member().is_none() && location.is_whole();
    let one = matches!(&info.contents.members[..], [member] if member.array.is_ok());
    let array = if whole && !one { None } else { Some(location.open(&options)?) };
    let about = About { location: &location, contents: &info.contents, file_size: info.file_size, array };
    if args.json {
        Output::new().json(&about.json())?;
    } else {
        about.text()?;
    }
    // A file without any array that can be used is refused once it has been described.
    match about.array {
        None if info.contents.members.iter().all(|member| member.array.is_err()) => {
            location.open(&options).map(drop).map_err(Failure::from)
        }
        _ => Ok(()),
    }
}

struct About<'a> {
    location: &'a Location,
    contents: &'a Contents,
    file_size: u64,
    array: Option<Array>,
}

impl About<'_> {
    fn json(&self) -> Json {
        let contents = self.contents;
        let mut out = Map::new();
        let path = self.location.path().to_string_lossy();
        out.insert("path".to_owned(), json!(path));
        out.insert("member".to_owned(), json!(self.array.as_ref().and_then(Array::member)));
        out.insert("format".to_owned(), json!(contents.format.name()));
        out.insert("version".to_owned(), json!(contents.version));
        match &self.array {
            Some(array) => view_json(array.view(), &mut out),
            None => {
                for key in VIEW_KEYS {
                    out.insert(key.to_owned(), Json::Null);
                }
            }
        }
        out.insert("file_size".to_owned(), json!(self.file_size));
        let any = contents.members.iter().any(|member| member.array.is_ok());
        out.insert("mappable".to_owned(), json!(self.array.is_some() || any));
        let named = contents.members.iter().filter(|member| !member.name.is_empty());
        let members: Vec<Json> = named
            .map(|member| {
                let mut out = Map::new();
                out.insert("name".to_owned(), json!(member.name));
                match &member.array {
                    Ok(view) => view_json(view, &mut out),
                    Err(reason) => _ = out.insert("reason".to_owned(), json!(reason.to_string())),
                }
                out.insert("mappable".to_owned(), json!(member.array.is_ok()));
                Json::Object(out)
            })
            .collect();
        out.insert("members".to_owned(), Json::Array(members));
        out.insert("notes".to_owned(), json!(contents.notes));
        Json::Object(out)
    }

    fn text(&self) -> Result<(), Failure> {
        let mut out = Output::new();
        let version = self.contents.version.as_ref().map_or(String::new(), |version| format!(" {version}"));
        let path = self.location.path().display();
        match &self.array {
            Some(array) => {
                let member = array.member().map_or(String::new(), |name| format!("::{name}"));
                writeln!(out, "{path}{member}: {}{version}", self.contents.format)?;
                self.view_text(&mut out, array.view())?;
            }
            None => {
                let count = self.contents.members.len();
                writeln!(out, "{path}: {}{version}, {count} members", self.contents.format)?;
                for member in &self.contents.members {
                    match &member.array {
                        Ok(view) => {
                            let (dtype, shape) = (view.dtype(), tuple(view.shape()));
                            writeln!(out, "  {:<24} {dtype} {shape} at {}", member.name, view.offset())?;
                        }
                        Err(reason) => writeln!(out, "  {:<24} {reason}", member.name)?,
                    }
                }
            }
        }
        for note in &self.contents.notes {
            writeln!(out, "  note     {note}")?;
        }
        Ok(out.finish()?)
    }

    fn view_text(&self, out: &mut Output, view: &View) -> Result<(), Failure> {
        let order = match view.order() {
            Some(order) => format!("{order} order"),
            None => "strided".to_owned(),
        };
        let aligned = if view.is_aligned() { "aligned" } else { "unaligned" };
        writeln!(out, "  dtype    {}{}", dtype_text(view.dtype()), order_words(view.dtype()))?;
        writeln!(out, "  shape    {}, {} items", tuple(view.shape()), view.size())?;
        writeln!(out, "  layout   {order}, strides {}", tuple(view.strides()))?;
        writeln!(out, "  offset   {}, {aligned}", view.offset())?;
        let (items, file) = (bytes_text(view.nbytes() as u64), bytes_text(self.file_size));
        writeln!(out, "  size     {items} in a file of {file}")?;
        Ok(())
    }
}

/// What is said of a view, in the order of [`view_json`].
const VIEW_KEYS: [&str; 11] = [
    "dtype",
    "byteorder",
    "shape",
    "ndim",
    "size",
    "itemsize",
    "order",
    "strides",
    "offset",
    "nbytes",
    "aligned",
];

fn view_json(view: &View, out: &mut Map<String, Json>) {
    let order = match view.order() {
        Some(Order::C) => json!("C"),
        Some(Order::F) => json!("F"),
        None => Json::Null,
    };
    let values = [
        json::from_dtype(view.dtype()),
        json!(byte_order(view.dtype())),
        json!(view.shape()),
        json!(view.ndim()),
        json!(view.size()),
        json!(view.itemsize()),
        order,
        json!(view.strides()),
        json!(view.offset()),
        json!(view.nbytes()),
        json!(view.is_aligned()),
    ];
    out.extend(VIEW_KEYS.map(str::to_owned).into_iter().zip(values));
}

/// The byte order of all values of an item.
fn byte_order(dtype: &DType) -> &'static str {
    let (mut little, mut big) = (false, false);
    dtype.for_each_scalar(&mut |_, scalar| match scalar.byte_order() {
        Some(ByteOrder::Little) => little = true,
        Some(ByteOrder::Big) => big = true,
        None => {}
    });
    match (little, big) {
        (true, true) => "mixed",
        (true, false) => "little",
        (false, true) => "big",
        (false, false) => "not applicable",
    }
}

fn order_words(dtype: &DType) -> &'static str {
    match byte_order(dtype) {
        "little" => ", little-endian",
        "big" => ", big-endian",
        "mixed" => ", of both byte orders",
        _ => "",
    }
}
