//! The four questions. An empty answer is the proposal.

use std::io::{self, BufRead, Write};

use mvm_cli::cli::InitArguments;
use mvm_config::quantities::Bytes;
use mvm_units_plan::init::{Answers, Disk, Network, Observed, Pool};

/// Asks for what the command line left open.
pub(super) fn ask(
    arguments: &InitArguments,
    observed: &Observed,
    guess: Answers,
) -> Result<Answers, String> {
    let mut answers = guess;
    if arguments.pool.is_none() {
        answers.pool = pool(observed, answers.pool)?;
    }
    if arguments.network.is_none() {
        answers.network = network(observed, answers.network)?;
    }
    if arguments.provider.is_none() {
        let proposal = if answers.cloud_hypervisor { "cloudhypervisor" } else { "firecracker" };
        let macvtap = matches!(answers.network, Network::Macvtap(_));
        let proposal = if macvtap { "cloudhypervisor" } else { proposal };
        let answer =
            line(&format!("3/4 Which VMM, firecracker or cloudhypervisor? [{proposal}] "))?;
        answers.cloud_hypervisor = match answer.as_str() {
            "" => proposal == "cloudhypervisor",
            "firecracker" => false,
            "cloudhypervisor" => true,
            other => {
                return Err(format!(
                    "{other:?} is not a VMM; choose firecracker or cloudhypervisor"
                ));
            }
        };
    }
    if arguments.listen.is_none() {
        let answer = line(
            "4/4 Where do clients reach flintlockd? local: from this host only;\n    \
             or an address such as 0.0.0.0:9090, which needs certificates. [local] ",
        )?;
        answers.listen = match answer.as_str() {
            "" | "local" => None,
            other => match mvm_config::names::Endpoint::parse(other) {
                Ok(endpoint) => Some(endpoint.to_string()),
                Err(error) => return Err(error.to_string()),
            },
        };
    }
    Ok(answers)
}

fn pool(observed: &Observed, proposal: Pool) -> Result<Pool, String> {
    print("1/4 Where are the disks of the microVMs?\n")?;
    let size = match &proposal {
        Pool::Loop(size) => Bytes(*size).to_string(),
        Pool::Disk(path) => path.clone(),
    };
    print(&format!("    loop  two sparse files, {size}: for tests, not for production\n"))?;
    let mut free = Vec::new();
    for disk in &observed.disks {
        let content = if disk.holds.is_empty() { "nothing on it" } else { &disk.holds };
        let named = disk.path.as_deref().unwrap_or("no name in /dev/disk/by-id");
        let size = Bytes(disk.size >> 20 << 20);
        match disk.is_free() {
            true => {
                free.push(disk);
                print(&format!("    {:<5} {named}, {size}, {content}\n", free.len()))?;
            }
            false => print(&format!("    -     {} {named}, {size}: {content}\n", disk.name))?,
        }
    }
    let answer = line("    loop, or a number: [loop] ")?;
    choose(&answer, &free).map(|disk| disk.map_or(proposal, Pool::Disk))
}

/// The path of the disk that was chosen; None is the files.
fn choose(answer: &str, free: &[&Disk]) -> Result<Option<String>, String> {
    if answer.is_empty() || answer == "loop" {
        return Ok(None);
    }
    let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let chosen = number.and_then(|at| free.get(at));
    let chosen = chosen.or_else(|| free.iter().find(|disk| disk.path.as_deref() == Some(answer)));
    match chosen.and_then(|disk| disk.path.clone()) {
        Some(path) => Ok(Some(path)),
        None => Err(format!("{answer:?} is neither loop nor one of the disks")),
    }
}

fn network(observed: &Observed, proposal: Network) -> Result<Network, String> {
    let own = match &proposal {
        Network::Nat(address) => address.to_string(),
        Network::Uplink(name) | Network::Macvtap(name) => name.clone(),
    };
    print("2/4 How do microVMs reach the network?\n")?;
    print(&format!("    nat      a private network, {own}: this host serves DHCP and NAT\n"))?;
    let uplink = observed.uplink.as_ref().filter(|uplink| !uplink.wireless);
    if let Some(uplink) = uplink {
        let (name, manager) = (&uplink.name, &uplink.manager);
        print(&format!(
            "    uplink   the network of this host: {name} (managed by {manager}) joins a bridge\n"
        ))?;
        print(&format!(
            "    macvtap  the network of this host: on {name}, no bridge; needs Cloud Hypervisor\n"
        ))?;
    }
    let answer = line("    [nat] ")?;
    match (answer.as_str(), uplink) {
        ("" | "nat", _) => Ok(proposal),
        ("uplink", Some(uplink)) => Ok(Network::Uplink(uplink.name.clone())),
        ("macvtap", Some(uplink)) => Ok(Network::Macvtap(uplink.name.clone())),
        (other, _) => Err(format!("{other:?} is not one of the networks above")),
    }
}

fn print(text: &str) -> Result<(), String> {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())
}

fn line(question: &str) -> Result<String, String> {
    print(question)?;
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())? {
        0 => Err("standard input ended before the answer".to_owned()),
        _ => Ok(answer.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_chosen_by_number_or_path_and_never_by_silence() {
        let disk = Disk {
            name: "sdb".to_owned(),
            path: Some("/dev/disk/by-id/b".to_owned()),
            size: 1 << 40,
            holds: String::new(),
        };
        let free = [&disk];
        assert_eq!(choose("", &free), Ok(None));
        assert_eq!(choose("loop", &free), Ok(None));
        for answer in ["1", "/dev/disk/by-id/b"] {
            assert_eq!(choose(answer, &free), Ok(Some("/dev/disk/by-id/b".to_owned())));
        }
        for answer in ["0", "2", "sdb", "yes", "-1"] {
            assert!(choose(answer, &free).is_err(), "{answer}");
        }
    }
}
