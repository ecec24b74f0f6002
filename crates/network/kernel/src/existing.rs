//! Interfaces that exist. Each step asks the kernel again before it changes one.

use futures_util::TryStreamExt;
use mvm_network_plan::network::Step;
use nix::errno::Errno;
use rtnetlink::packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use rtnetlink::{Handle, LinkBridge, LinkMessageBuilder};

use crate::error::{Answer, Error};

const ENODEV: i32 = Errno::ENODEV as i32;

/// A change of an existing bridge's own options.
pub(crate) async fn existing(
    handle: &Handle,
    step: &Step,
    name: &str,
) -> Result<LinkMessageBuilder<LinkBridge>, Error> {
    let index = index(handle, step, name).await?;
    Ok(LinkMessageBuilder::<LinkBridge>::new(name).index(index))
}

/// Changes a bridge's own options. RTM_SETLINK, which `link().set()` sends, ignores them without a
/// word; RTM_NEWLINK without NLM_F_CREATE changes what is there and makes nothing.
pub(crate) async fn reconfigure(
    handle: &Handle,
    bridge: LinkMessageBuilder<LinkBridge>,
) -> Result<(), rtnetlink::Error> {
    let request = handle.link().add(bridge.build());
    request.set_flags(NLM_F_REQUEST | NLM_F_ACK).execute().await
}

/// The kernel's number of an interface, asked again for each step: numbers are not re-used while
/// names can be.
pub(crate) async fn index(handle: &Handle, step: &Step, name: &str) -> Result<u32, Error> {
    let mut found = handle.link().get().match_name(name).execute();
    match found.try_next().await {
        Ok(Some(link)) => Ok(link.header.index),
        Ok(None) => Err(Error::Gone { step: step.to_string() }),
        Err(error) => match Answer::from(error) {
            answer if answer.errno() == Some(ENODEV) => Err(Error::Gone { step: step.to_string() }),
            source => Err(Error::Step { step: step.to_string(), source }),
        },
    }
}
