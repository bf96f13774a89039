//! Items of a crate's source files, collected without its tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Names of a module and its ancestors from the crate root down. The root itself is empty.
pub(crate) type ModulePath = Vec<String>;

/// Source line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    file: PathBuf,
    line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Type declared by a module.
#[derive(Debug, Clone)]
pub(crate) struct TypeDeclaration {
    pub(crate) name: String,
    pub(crate) module: ModulePath,
    pub(crate) location: Location,
}

/// Path as written in the source, not yet resolved.
pub(crate) struct UnresolvedPath {
    pub(crate) module: ModulePath,
    pub(crate) segments: Vec<String>,
    /// Whether the last segment can name a module. This holds only in `use`; elsewhere it names an item.
    pub(crate) ends_in_module: bool,
    pub(crate) location: Location,
}

/// Visitor of all items outside of tests.
pub(crate) struct Collector<'a> {
    source_directory: &'a Path,
    files: &'a BTreeMap<PathBuf, String>,
    file: PathBuf,
    pub(crate) module: ModulePath,
    block_depth: usize,
    pub(crate) modules: BTreeSet<ModulePath>,
    pub(crate) paths: Vec<UnresolvedPath>,
    /// Names bound by `use`, per module, with the path that each stands for.
    pub(crate) imports: BTreeMap<ModulePath, Vec<(String, Vec<String>)>>,
    pub(crate) types: Vec<TypeDeclaration>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(source_directory: &'a Path, files: &'a BTreeMap<PathBuf, String>) -> Self {
        Self {
            source_directory,
            files,
            file: PathBuf::new(),
            module: ModulePath::new(),
            block_depth: 0,
            modules: BTreeSet::from([ModulePath::new()]),
            paths: Vec::new(),
            imports: BTreeMap::new(),
            types: Vec::new(),
        }
    }

    /// Visits a file as the content of the current module, if the file exists.
    pub(crate) fn parse_file(&mut self, path: &Path) -> bool {
        let Some(text) = self.files.get(path) else { return false };
        let outer = std::mem::replace(&mut self.file, self.source_directory.join(path));
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", self.file.display()));
        self.visit_file(&file);
        self.file = outer;
        true
    }

    fn location(&self, span: Span) -> Location {
        Location { file: self.file.clone(), line: span.start().line }
    }

    fn add_path(&mut self, segments: Vec<String>, ends_in_module: bool, span: Span) {
        let (module, location) = (self.module.clone(), self.location(span));
        self.paths.push(UnresolvedPath { module, segments, ends_in_module, location });
    }

    fn add_type(&mut self, name: &syn::Ident) {
        if self.block_depth == 0 {
            let (module, location) = (self.module.clone(), self.location(name.span()));
            self.types.push(TypeDeclaration { name: name.to_string(), module, location });
        }
    }

    fn add_import(&mut self, name: String, segments: Vec<String>, span: Span) {
        self.imports.entry(self.module.clone()).or_default().push((name, segments.clone()));
        self.add_path(segments, true, span);
    }

    fn add_use_tree(&mut self, tree: &syn::UseTree, prefix: &[String]) {
        let join = |name: &syn::Ident| {
            let name = name.to_string();
            let is_prefix = name == "self" && !prefix.is_empty();
            [prefix, if is_prefix { &[] } else { std::slice::from_ref(&name) }].concat()
        };
        match tree {
            syn::UseTree::Path(path) => self.add_use_tree(&path.tree, &join(&path.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use_tree(tree, prefix)),
            syn::UseTree::Name(name) => {
                let segments = join(&name.ident);
                self.add_import(segments[segments.len() - 1].clone(), segments, name.span());
            }
            syn::UseTree::Rename(rename) => {
                self.add_import(rename.rename.to_string(), join(&rename.ident), rename.span());
            }
            syn::UseTree::Glob(glob) => self.add_import("*".to_owned(), prefix.to_vec(), glob.span()),
        }
    }

    /// Finds paths in the tokens of a macro: identifiers joined by `::`.
    fn add_macro_tokens(&mut self, tokens: TokenStream) {
        let (mut segments, mut colons) = (Vec::<(String, Span)>::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 && !segments.is_empty() => {
                    segments.push((ident.to_string(), ident.span()));
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.add_macro_path(std::mem::take(&mut segments));
                    colons = 0;
                    match other {
                        TokenTree::Ident(ident) => segments.push((ident.to_string(), ident.span())),
                        TokenTree::Group(group) => self.add_macro_tokens(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.add_macro_path(segments);
    }

    fn add_macro_path(&mut self, segments: Vec<(String, Span)>) {
        let Some(&(_, span)) = segments.first() else { return };
        self.add_path(segments.into_iter().map(|(name, _)| name).collect(), false, span);
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident == "tests" {
            return;
        }
        self.module.push(item.ident.to_string());
        self.modules.insert(self.module.clone());
        if item.content.is_some() {
            visit::visit_item_mod(self, item);
        } else {
            let path: PathBuf = self.module.iter().collect();
            let found = self.parse_file(&path.with_extension("rs")) || self.parse_file(&path.join("mod.rs"));
            assert!(found, "{}: no file for the module {}", self.file.display(), item.ident);
        }
        self.module.pop();
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.block_depth += 1;
        visit::visit_block(self, block);
        self.block_depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add_path(segments, false, path.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        visit::visit_macro(self, invocation);
        self.add_macro_tokens(invocation.tokens.clone());
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add_type(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add_type(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.add_type(&item.ident);
        visit::visit_item_union(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add_type(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add_type(&item.ident);
        visit::visit_item_type(self, item);
    }
}

/// Returns the attributes of an item, for the kinds of items that tests consist of or use.
fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether the attributes say `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    fn requires_test(condition: &syn::Meta) -> bool {
        let syn::Meta::List(list) = condition else { return condition.path().is_ident("test") };
        let parser = syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated;
        (list.path.is_ident("all") || list.path.is_ident("cfg"))
            && list.parse_args_with(parser).is_ok_and(|conditions| conditions.iter().any(requires_test))
    }
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && requires_test(&attribute.meta))
}
