//! Supervisors are killed while their containers have much to say.

use super::Random;
use e2e::{Host, Project, eventually};

/// Lines of each container, numbered and 100 bytes long.
const LINES: usize = 60_000;
const REPLICAS: u32 = 4;
const KILLS: usize = 16;
/// What a supervisor takes at once from a container: so much is lost when it is killed just then.
const CHUNK: usize = 16 << 10;

/// All write as fast as they are read, until all was written.
fn yaml() -> String {
    format!(
        "
name: load
services:
  a:
    image: busybox
    command: [sh, -c, 'awk \"BEGIN {{ for (i = 1; i <= {LINES}; i++) printf \\\"%099d\\\\n\\\", i }}\"; exec sleep 1000']
    init: true
    logging: {{driver: local, options: {{max-size: 100m}}}}
    scale: {REPLICAS}
"
    )
}

/// The supervisors that live.
fn supervisors(host: &Host) -> Vec<u32> {
    let all = host.processes().into_iter();
    all.filter(|(_, line)| line.contains(" shim ")).map(|(pid, _)| pid).collect()
}

fn pids(project: &Project<'_>) -> Vec<u32> {
    (1..=REPLICAS).map(|index| project.pid(&format!("load-a-{index}"))).collect()
}

#[test]
fn of_containers_under_load_none_ends_and_no_more_is_lost_than_was_in_a_supervisors_hand() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("load", &yaml());
    project.up();
    let before = pids(&project);
    let mut random = Random(7);
    for kill in 1..=KILLS {
        let living = supervisors(&host);
        if let Some(pid) = living.get(random.below(living.len() as u64) as usize) {
            host.shell(&format!("kill -9 {pid}")).succeeds();
        }
        if kill % 3 == 0 {
            project.up();
        }
    }
    project.up();
    assert_eq!(pids(&project), before, "adopted, not started again");
    for index in 1..=REPLICAS {
        let lines = eventually("it has written all", || whole(&project, index));
        let lost = LINES - lines.len();
        assert!(lost * 100 <= KILLS * CHUNK, "{lost} lines of container {index} are lost");
        assert!(lines.is_sorted_by(|one, next| one < next), "no line is there twice, or torn");
    }
    project.sampan(["down", "-t", "0"]).succeeds();
    host.is_clean();
}

/// The numbers of the lines of one container, once the last is there.
fn whole(project: &Project<'_>, index: u32) -> Option<Vec<usize>> {
    let logs = project.sampan(["logs"]).succeeds().stdout;
    let own = format!("a-{index} ");
    let lines =
        logs.lines().filter_map(|line| line.strip_prefix(&own)?.trim_start_matches([' ', '|']).parse().ok());
    let lines: Vec<usize> = lines.collect();
    (lines.last() == Some(&LINES)).then_some(lines)
}
