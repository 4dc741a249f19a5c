//! The dependency graph of services: order, reverse order, cycles as readable paths.

use crate::model::Stack;
use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// Which service depends on which. An edge leads from a service to what it depends on.
///
/// Made from a file it has no cycle, because validation refuses those. Made from what exists
/// it may have one: an interrupted command can leave containers of two versions of a file.
#[derive(Clone, Debug, Default)]
pub struct DependencyGraph {
    graph: DiGraph<String, ()>,
    nodes: BTreeMap<String, NodeIndex>,
}

/// Services that depend on each other in a circle; the first one is repeated at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<String>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" → "))
    }
}

impl DependencyGraph {
    /// The graph of these services and what each depends on. Dependencies that are not among
    /// the services are left out.
    pub fn new<'a, D>(services: impl IntoIterator<Item = (&'a str, D)>) -> Self
    where
        D: IntoIterator<Item = &'a str>,
    {
        let services: BTreeMap<&str, D> = services.into_iter().collect();
        let mut graph = DiGraph::new();
        let nodes: BTreeMap<String, NodeIndex> =
            services.keys().map(|&name| (name.to_owned(), graph.add_node(name.to_owned()))).collect();
        for (name, dependencies) in services {
            for dependency in dependencies {
                if let Some(&target) = nodes.get(dependency) {
                    graph.update_edge(nodes[name], target, ());
                }
            }
        }
        Self { graph, nodes }
    }

    /// The graph of a stack's services, those of inactive profiles included.
    pub fn of_stack(stack: &Stack) -> Self {
        let all = stack.services.iter().chain(&stack.disabled);
        Self::new(all.map(|(name, service)| (name.as_str(), service.depends_on.keys().map(String::as_str))))
    }

    /// The graph of a stack's services of active profiles.
    pub(crate) fn of_enabled(stack: &Stack) -> Self {
        let enabled = stack.services.iter();
        Self::new(
            enabled.map(|(name, service)| (name.as_str(), service.depends_on.keys().map(String::as_str))),
        )
    }

    /// A shortest cycle, beginning with the alphabetically first service that is on any.
    pub fn cycle(&self) -> Option<Cycle> {
        let is_cycle = |members: &&Vec<NodeIndex>| {
            members.len() > 1 || self.graph.neighbors(members[0]).any(|next| next == members[0])
        };
        let components = kosaraju_scc(&self.graph);
        let on_any = components.iter().filter(is_cycle).flatten();
        let first = on_any.copied().min_by_key(|&node| &self.graph[node])?;
        self.cycle_through(first)
    }

    /// Breadth first from a node back to itself.
    fn cycle_through(&self, start: NodeIndex) -> Option<Cycle> {
        let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for next in self.sorted(node, Direction::Outgoing) {
                if next == start {
                    return Some(self.path_back(node, start, &came_from));
                }
                if let Entry::Vacant(unseen) = came_from.entry(next) {
                    unseen.insert(node);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    fn path_back(
        &self,
        last: NodeIndex,
        start: NodeIndex,
        came_from: &BTreeMap<NodeIndex, NodeIndex>,
    ) -> Cycle {
        let mut path = vec![self.graph[start].clone()];
        let mut node = last;
        while node != start {
            path.push(self.graph[node].clone());
            node = came_from[&node];
        }
        path.push(self.graph[start].clone());
        path.reverse();
        Cycle(path)
    }

    fn sorted(&self, node: NodeIndex, direction: Direction) -> Vec<NodeIndex> {
        let mut next: Vec<_> = self.graph.neighbors_directed(node, direction).collect();
        next.sort_by(|&a, &b| self.graph[a].cmp(&self.graph[b]));
        next
    }

    /// The same graph without the edges between services that (transitively) depend on each
    /// other, so that what remains has an order.
    pub fn without_cycles(&self) -> Self {
        let mut component = vec![0; self.graph.node_count()];
        for (number, members) in kosaraju_scc(&self.graph).iter().enumerate() {
            for member in members {
                component[member.index()] = number;
            }
        }
        let graph = self.graph.filter_map(
            |_, name| Some(name.clone()),
            |edge, ()| {
                let (from, to) = self.graph.edge_endpoints(edge)?;
                (component[from.index()] != component[to.index()]).then_some(())
            },
        );
        Self { graph, nodes: self.nodes.clone() }
    }

    /// Services in levels: each one depends only on services of earlier levels. Services on a
    /// cycle are ordered as if they did not depend on each other.
    pub fn order(&self) -> Vec<Vec<String>> {
        let acyclic = self.without_cycles();
        // Strongly connected components come out in reverse topological order: dependencies
        // first; without cycles each has one member.
        let mut level_of: BTreeMap<NodeIndex, usize> = BTreeMap::new();
        let mut levels: Vec<Vec<String>> = Vec::new();
        for node in kosaraju_scc(&acyclic.graph).into_iter().flatten() {
            let below = acyclic.graph.neighbors(node).filter_map(|next| level_of.get(&next));
            let level = below.max().map_or(0, |level| level + 1);
            level_of.insert(node, level);
            if levels.len() <= level {
                levels.resize(level + 1, Vec::new());
            }
            levels[level].push(acyclic.graph[node].clone());
        }
        for level in &mut levels {
            level.sort();
        }
        levels
    }

    /// The levels of [`order`](Self::order), last first: the order in which to stop.
    pub fn reverse(&self) -> Vec<Vec<String>> {
        let mut levels = self.order();
        levels.reverse();
        levels
    }

    /// These services and everything that they depend on, directly or not.
    pub fn closure<'a>(&self, services: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        self.reachable(services, Direction::Outgoing)
    }

    /// These services and everything that depends on them, directly or not.
    pub fn reverse_closure<'a>(&self, services: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        self.reachable(services, Direction::Incoming)
    }

    fn reachable<'a>(
        &self,
        services: impl IntoIterator<Item = &'a str>,
        towards: Direction,
    ) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for start in services.into_iter().filter_map(|name| self.nodes.get(name)) {
            let mut walk = Dfs::new(&self.graph, *start);
            let mut next = || match towards {
                Direction::Outgoing => walk.next(&self.graph),
                Direction::Incoming => walk.next(Reversed(&self.graph)),
            };
            while let Some(node) = next() {
                found.insert(self.graph[node].clone());
            }
        }
        found
    }

    /// What a service depends on directly, by name.
    pub fn dependencies(&self, service: &str) -> Vec<&str> {
        self.neighbours(service, Direction::Outgoing)
    }

    /// What depends directly on a service, by name.
    pub fn dependents(&self, service: &str) -> Vec<&str> {
        self.neighbours(service, Direction::Incoming)
    }

    fn neighbours(&self, service: &str, direction: Direction) -> Vec<&str> {
        let Some(&node) = self.nodes.get(service) else { return Vec::new() };
        self.sorted(node, direction).into_iter().map(|next| self.graph[next].as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(text: &str) -> DependencyGraph {
        DependencyGraph::new(text.split(';').map(|line| {
            let (name, rest) = line.split_once(':').unwrap_or((line, ""));
            (name.trim(), rest.split_whitespace().collect::<Vec<_>>())
        }))
    }

    #[test]
    fn dependencies_come_in_earlier_levels() {
        let graph = graph("web: api cache; api: db; cache; db; worker: db");
        let levels = graph.order();
        assert_eq!(levels, [vec!["cache", "db"], vec!["api", "worker"], vec!["web"]]);
        assert_eq!(graph.reverse(), levels.into_iter().rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_closure_holds_a_service_and_what_it_needs() {
        let graph = graph("web: api; api: db; db; worker: db");
        assert_eq!(graph.closure(["web"]), BTreeSet::from(["web", "api", "db"].map(String::from)));
        assert_eq!(
            graph.reverse_closure(["db"]),
            BTreeSet::from(["web", "api", "db", "worker"].map(String::from))
        );
        assert_eq!(graph.dependents("db"), ["api", "worker"]);
        assert_eq!(graph.dependencies("web"), ["api"]);
        assert!(graph.closure(["nobody"]).is_empty());
    }

    #[test]
    fn a_cycle_reads_as_a_path_and_is_as_short_as_can_be() {
        assert_eq!(graph("a: b; b: c; c: a; d: d").cycle().unwrap().to_string(), "a → b → c → a");
        assert_eq!(graph("a: b; b: c d; c: b; d: a").cycle().unwrap().to_string(), "a → b → d → a");
        assert_eq!(graph("web: web").cycle().unwrap().to_string(), "web → web");
        assert_eq!(graph("a: b; b: c; c").cycle(), None);
    }

    #[test]
    fn services_on_a_cycle_still_get_an_order_with_the_others() {
        let graph = graph("a: b; b: a db; db; web: a");
        assert_eq!(graph.order(), [vec!["a", "db"], vec!["b", "web"]]);
        assert_eq!(graph.without_cycles().cycle(), None);
    }

    #[test]
    fn unknown_dependencies_are_left_out() {
        assert_eq!(graph("web: nobody").order(), [vec!["web"]]);
    }
}
