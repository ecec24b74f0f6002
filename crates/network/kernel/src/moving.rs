//! The steps that move an uplink to its bridge, and all steps back. Every one of them can be done
//! again: a way back that was interrupted is gone once more from its beginning.

use futures_util::StreamExt;
use ipnet::IpNet;
use mvm_network_plan::network::{InterfaceAddress, InterfaceRoute, Step};
use nix::errno::Errno;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::BridgeStpState;
use rtnetlink::{AddressAddRequest, Handle, LinkUnspec};

use crate::addressing;
use crate::error::{Answer, Error};
use crate::existing::{existing, index, reconfigure};

const ESRCH: i32 = Errno::ESRCH as i32;
const EEXIST: i32 = Errno::EEXIST as i32;
const EADDRNOTAVAIL: i32 = Errno::EADDRNOTAVAIL as i32;

pub(crate) async fn apply(handle: &Handle, step: &Step) -> Result<(), Error> {
    let number = match index(handle, step, step.interface()).await {
        // What is to go is gone.
        Err(Error::Gone { .. }) if takes_away(step) => return Ok(()),
        number => number?,
    };
    let link = || LinkUnspec::new_with_index(number);
    let set = async |link: rtnetlink::LinkMessageBuilder<LinkUnspec>| {
        handle.link().set(link.build()).execute().await.map_err(failed(step))
    };
    match step {
        Step::SetDown { .. } => set(link().down()).await,
        Step::Release { .. } => set(link().nocontroller()).await,
        Step::Enslave { bridge, .. } => {
            let bridge = index(handle, step, bridge).await?;
            set(link().controller(bridge)).await
        }
        Step::DeleteLink { .. } => handle.link().del(number).execute().await.map_err(failed(step)),
        Step::SetBridgeOptions { name, options } => {
            let state =
                if options.stp { BridgeStpState::KernelStp } else { BridgeStpState::Disabled };
            // In this order: the kernel refuses a forward delay of 0 while spanning tree is on.
            let delay = existing(handle, step, name).await?.forward_delay(options.forward_delay);
            reconfigure(handle, delay).await.map_err(failed(step))?;
            let stp = existing(handle, step, name).await?.stp_state(state);
            reconfigure(handle, stp).await.map_err(failed(step))
        }
        Step::DeleteAddress { address, .. } => {
            let (ip, length) = (address.addr(), address.prefix_len());
            let mut request = handle.address().add(number, ip, length);
            let message = request.message_mut().clone();
            unless_errno(step, EADDRNOTAVAIL, handle.address().del(message).execute().await)
        }
        Step::GiveAddresses { addresses, .. } => {
            give_addresses(handle, step, number, addresses).await
        }
        Step::TakeAddresses { addresses, .. } => {
            // Backwards: without the first one of a subnet the kernel drops those that follow.
            for address in addresses.iter().rev() {
                let mut request = add_request(handle, number, address);
                let message = request.message_mut().clone();
                unless_errno(step, EADDRNOTAVAIL, handle.address().del(message).execute().await)?;
            }
            Ok(())
        }
        Step::SetRoutes { from, routes, .. } => {
            let old = index(handle, step, from).await.ok();
            for route in routes {
                lead(handle, step, number, old, route).await?;
            }
            Ok(())
        }
        // Named one by one: a step that is new has to be somebody's.
        Step::CreateBridge { .. }
        | Step::CreateVlan { .. }
        | Step::SetMac { .. }
        | Step::SetMtu { .. }
        | Step::SetStpOff { .. }
        | Step::SetForwardDelayOff { .. }
        | Step::AddAddress { .. }
        | Step::SetUp { .. } => Ok(()),
    }
}

async fn give_addresses(
    handle: &Handle,
    step: &Step,
    number: u32,
    addresses: &[InterfaceAddress],
) -> Result<(), Error> {
    for address in addresses {
        let proved = add_request(handle, number, &address.proved());
        proved.replace().execute().await.map_err(failed(step))?;
        // A change of an address that is there starts no new detection of duplicates.
        if address.proved() != *address {
            let as_it_was = add_request(handle, number, address);
            as_it_was.replace().execute().await.map_err(failed(step))?;
        }
    }
    Ok(())
}

fn takes_away(step: &Step) -> bool {
    matches!(
        step,
        Step::SetDown { .. }
            | Step::Release { .. }
            | Step::DeleteLink { .. }
            | Step::DeleteAddress { .. }
            | Step::TakeAddresses { .. }
            | Step::SetBridgeOptions { .. }
    )
}

fn failed(step: &Step) -> impl Fn(rtnetlink::Error) -> Error {
    move |error| Error::Step { step: step.to_string(), source: Answer::from(error) }
}

/// As [`failed`]; an answer with the error number `ignored` says that there is nothing left to do.
fn unless_errno(
    step: &Step,
    ignored: i32,
    result: Result<(), rtnetlink::Error>,
) -> Result<(), Error> {
    match result.map_err(Answer::from) {
        Err(answer) if answer.errno() != Some(ignored) => {
            Err(Error::Step { step: step.to_string(), source: answer })
        }
        _ => Ok(()),
    }
}

fn add_request(handle: &Handle, number: u32, address: &InterfaceAddress) -> AddressAddRequest {
    let (ip, length) = (address.address.addr(), address.address.prefix_len());
    let mut request = handle.address().add(number, ip, length);
    addressing::fill(request.message_mut(), address);
    request
}

/// Lets the route lead through another interface. For IPv4 that is one message. For IPv6 the
/// kernel might replace the route of a third interface with the same metric, so the new one is put
/// beside the old one, which then goes.
async fn lead(
    handle: &Handle,
    step: &Step,
    number: u32,
    old: Option<u32>,
    route: &InterfaceRoute,
) -> Result<(), Error> {
    let message = addressing::message(number, route);
    if matches!(route.destination, IpNet::V4(_)) {
        return unless_errno(step, EEXIST, handle.route().add(message).replace().execute().await);
    }
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewRoute(message));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
    let mut handle = handle.clone();
    let result = async {
        let mut answers = handle.request(request)?;
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(error) = answer.payload
                && error.code.is_some()
            {
                return Err(rtnetlink::Error::NetlinkError(error));
            }
        }
        Ok(())
    };
    let result = result.await;
    unless_errno(step, EEXIST, result)?;
    match old {
        Some(old) => {
            let message = addressing::message(old, route);
            unless_errno(step, ESRCH, handle.route().del(message).execute().await)
        }
        None => Ok(()),
    }
}
