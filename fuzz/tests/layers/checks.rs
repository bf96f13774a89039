//! Checks of a crate's modules: imports without cycles, type names without duplicates.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::collector::{Location, ModulePath};
use super::modules::Modules;

/// References among the children of one module, by the names of both ends, with an example of each.
type SiblingImports = BTreeMap<(String, String), Location>;

impl Modules {
    /// Describes the import cycles among sibling modules: for each import that is part of one, the
    /// shortest cycle through it.
    pub(crate) fn import_cycles(&self) -> Vec<String> {
        let mut levels: BTreeMap<ModulePath, SiblingImports> = BTreeMap::new();
        for reference in &self.references {
            let (from, to) = (&reference.from, &reference.to);
            let common = from.iter().zip(to).take_while(|(from, to)| from == to).count();
            if let (Some(a), Some(b)) = (from.get(common), to.get(common)) {
                let imports = levels.entry(from[..common].to_vec()).or_default();
                imports.entry((a.clone(), b.clone())).or_insert_with(|| reference.location.clone());
            }
        }
        let levels = levels.iter();
        levels
            .flat_map(|(parent, imports)| cycles(imports).map(|cycle| describe(parent, &cycle, imports)))
            .collect()
    }

    /// Describes the type names that several modules declare. Variants of a type for several targets
    /// in one module count once.
    pub(crate) fn duplicate_types(&self) -> Vec<String> {
        let mut declarations: BTreeMap<&str, BTreeMap<&ModulePath, &Location>> = BTreeMap::new();
        for declaration in &self.types {
            let modules = declarations.entry(&declaration.name).or_default();
            modules.entry(&declaration.module).or_insert(&declaration.location);
        }
        declarations.retain(|_, modules| modules.len() > 1);
        let describe = |(name, modules): (&str, BTreeMap<_, &Location>)| {
            let places: Vec<_> = modules.values().map(|location| location.to_string()).collect();
            format!("{name}: {}", places.join(", "))
        };
        declarations.into_iter().map(describe).collect()
    }
}

/// Returns cycles that together contain every import that is part of a cycle. Each ends with its first module.
fn cycles(imports: &SiblingImports) -> impl Iterator<Item = Vec<&str>> {
    let mut shown = BTreeSet::new();
    imports.keys().filter_map(move |(from, to)| {
        if shown.contains(&(from.as_str(), to.as_str())) {
            return None;
        }
        let mut cycle = vec![from.as_str()];
        cycle.extend(shortest_path(imports, to, from)?);
        shown.extend(cycle.windows(2).map(|pair| (pair[0], pair[1])));
        Some(cycle)
    })
}

fn shortest_path<'a>(imports: &'a SiblingImports, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut previous = BTreeMap::from([(from, None)]);
    let mut queue = VecDeque::from([from]);
    while let Some(module) = queue.pop_front() {
        if module == to {
            let mut path: Vec<_> =
                std::iter::successors(Some(module), |module| previous.get(module).copied().flatten())
                    .collect();
            path.reverse();
            return Some(path);
        }
        for (_, next) in imports.keys().filter(|(importer, _)| importer == module) {
            previous.entry(next.as_str()).or_insert_with(|| {
                queue.push_back(next);
                Some(module)
            });
        }
    }
    None
}

fn describe(parent: &ModulePath, cycle: &[&str], imports: &SiblingImports) -> String {
    let parent: String =
        std::iter::once("crate").chain(parent.iter().map(String::as_str)).collect::<Vec<_>>().join("::");
    let mut text = format!("in {parent}: {}", cycle.join(" -> "));
    for pair in cycle.windows(2) {
        let location = &imports[&(pair[0].to_owned(), pair[1].to_owned())];
        text += &format!("\n    {} -> {}: {location}", pair[0], pair[1]);
    }
    text
}
