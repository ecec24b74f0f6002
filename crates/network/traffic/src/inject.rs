//! Gives packets to an interface of this host as if they had arrived there.

use std::io;

use mvm_network_kernel::packet_socket::PacketSocket;
use mvm_network_kernel::{Answer, Error, Kernel};
use nix::libc;
use rtnetlink::packet_route::tc::{
    TcAction, TcActionAttribute, TcActionGeneric, TcActionMirror, TcActionMirrorOption,
    TcActionOption, TcActionType, TcFilterU32Option, TcMirror, TcMirrorActionType, TcU32Key,
    TcU32Selector, TcU32SelectorFlags,
};

use crate::ports::up;
use crate::scratch::Scratch;

/// The class of what arrives, of tc(8).
const INGRESS: u32 = 0xffff_0000;

/// The end of a pair of interfaces; what leaves here arrives on another interface of this host.
#[derive(Debug)]
pub(crate) struct Injector {
    socket: PacketSocket,
    card: [u8; 6],
}

impl Injector {
    pub(crate) fn give(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send(self.card, packet)
    }
}

impl Scratch {
    /// For the interface of this host with that number, which stays as it is.
    pub(crate) fn injector(&mut self, index: u32) -> Result<Injector, Error> {
        let (inside, outside) = self.pair()?;
        up(&self.inside, &inside)?;
        let host = &self.outside;
        let card = up(host, &outside)?;
        redirect(host, host.number(&outside)?, index)?;
        let socket = PacketSocket::on(self.inside.number(&inside)?).map_err(Error::Packet)?;
        Ok(Injector { socket, card })
    }
}

/// What arrives on one interface is as if it had arrived on the other.
fn redirect(kernel: &Kernel, from: u32, to: u32) -> Result<(), Error> {
    let failed = |error| Error::Step {
        step: "let an answer arrive".to_owned(),
        source: Answer::from(error),
    };
    let from = i32::try_from(from).unwrap_or_default();
    kernel.run(async {
        kernel.handle().qdisc().add(from).ingress().execute().await.map_err(failed)?;
        let protocol = u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be();
        let filter = kernel.handle().traffic_filter(from).add();
        let filter = filter.parent(INGRESS).priority(1).protocol(protocol);
        let filter = filter.u32(&everything(to)).map_err(failed)?;
        filter.execute().await.map_err(failed)
    })
}

/// Of tc-u32(8): whatever comes goes to the interface with this number, as something that arrives.
fn everything(to: u32) -> [TcFilterU32Option; 2] {
    let mut selector = TcU32Selector::default();
    selector.flags = TcU32SelectorFlags::Terminal;
    selector.nkeys = 1;
    selector.keys = vec![TcU32Key::default()];
    let mut mirror = TcMirror::default();
    mirror.generic = TcActionGeneric::default();
    mirror.generic.action = TcActionType::Stolen;
    mirror.eaction = TcMirrorActionType::IngressRedir;
    mirror.ifindex = to;
    let mut action = TcAction::default();
    action.attributes = vec![
        TcActionAttribute::Kind(TcActionMirror::KIND.to_owned()),
        TcActionAttribute::Options(vec![TcActionOption::Mirror(TcActionMirrorOption::Parms(
            mirror,
        ))]),
    ];
    [TcFilterU32Option::Selector(selector), TcFilterU32Option::Action(vec![action])]
}
