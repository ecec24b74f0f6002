//! Entries of lists that have keys of their own: VLANs, reservations, routes, ignored findings.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::kinds::{At, Field, Kind, List, Maybe, Number, Quoted, Shape};
use super::suggest;
use super::texts::{
    Address, Code, Day, HostName, Interface, Ip, Ipv4, Mac, Range, Reason, SubnetV4,
};
use crate::Invalid;
use crate::model::{Also, Ignore, Reservation, Reserved, StaticRoute, Vlan};
use crate::names::IfName;

/// A table being read key by key.
struct Entry<'v, 'r, 'a, 'at> {
    table: &'v DeTable<'v>,
    whole: std::ops::Range<usize>,
    at: &'at mut At<'r, 'a>,
    complete: bool,
}

impl<'v, 'r, 'a, 'at> Entry<'v, 'r, 'a, 'at> {
    /// Complains about another type and about unknown keys.
    fn open(
        value: &'v Spanned<DeValue<'v>>,
        fields: &'static [Field],
        at: &'at mut At<'r, 'a>,
    ) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            let names: Vec<String> =
                fields.iter().map(|field| format!("{} = ...", field.name)).collect();
            at.wrong_type(value, "a table", &format!("write {{ {} }}", names.join(", ")));
            return None;
        };
        let mut complete = true;
        for key in table.keys() {
            if fields.iter().all(|field| field.name != key.get_ref().as_ref()) {
                let names = fields.iter().map(|field| field.name);
                at.bad_key(key, suggest::unknown(key.get_ref(), names));
                complete = false;
            }
        }
        Some(Self { table, whole: value.span(), at, complete })
    }

    /// The value of a key that may be absent.
    fn optional<K: Kind>(&mut self, name: &'static str) -> Option<K::Out> {
        let value = self.table.get(name)?;
        self.at.field = name;
        let read = K::read(value, self.at);
        self.at.field = "";
        self.complete &= read.is_some();
        read
    }

    /// The value of a key that must be there.
    fn required<K: Kind>(&mut self, name: &'static str) -> Option<K::Out> {
        if !self.table.contains_key(name) {
            let error = Invalid::new(format!("{name} is missing"), format!("add {name} = ..."));
            self.at.bad_entry(self.whole.start, error);
            self.complete = false;
        }
        self.optional::<K>(name)
    }
}

fn write_fields(fields: &[(&str, String)], text: &mut String) {
    let spelt: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    text.push_str("{ ");
    text.push_str(&spelt.join(", "));
    text.push_str(" }");
}

fn spelt<K: Kind>(out: &K::Out) -> String {
    let mut text = String::new();
    K::write(out, &mut text);
    text
}

type VlanId = Number<u16, 1, 4094>;

static VLAN: [Field; 4] = [
    Field {
        name: "parent",
        doc: "interface that carries the VLAN",
        required: true,
        shape: Quoted::<Interface>::shape,
    },
    Field { name: "id", doc: "VLAN id", required: true, shape: VlanId::shape },
    Field {
        name: "name",
        doc: "name of the VLAN interface; default: parent.id",
        required: false,
        shape: Quoted::<Interface>::shape,
    },
    Field {
        name: "addresses",
        doc: "addresses of this host on it, with prefix length",
        required: false,
        shape: List::<Quoted<Address>>::shape,
    },
];

/// An entry of `[[network.vlan]]`; a missing or empty `name` becomes `PARENT.ID`.
pub(crate) struct VlanEntry;

impl Kind for VlanEntry {
    type Out = Vlan;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Vlan> {
        let mut entry = Entry::open(value, &VLAN, at)?;
        let parent = entry.required::<Quoted<Interface>>("parent");
        let id = entry.required::<VlanId>("id");
        let name = entry.optional::<Maybe<Interface>>("name").flatten();
        let addresses = entry.optional::<List<Quoted<Address>>>("addresses").unwrap_or_default();
        let complete = entry.complete;
        let (parent, id) = parent.zip(id).filter(|_| complete)?;
        let name = match name {
            Some(name) => name,
            None => match IfName::parse(&format!("{parent}.{id}")) {
                Ok(name) => name,
                Err(_) => {
                    let message = format!("its name would be {parent}.{id}, longer than 15 bytes");
                    at.bad_entry(
                        value.span().start,
                        Invalid::new(message, "add a shorter name = \"...\""),
                    );
                    return None;
                }
            },
        };
        Some(Vlan { parent, id, name, addresses })
    }
    fn write(vlan: &Vlan, text: &mut String) {
        let fields = [
            ("parent", spelt::<Quoted<Interface>>(&vlan.parent)),
            ("id", spelt::<VlanId>(&vlan.id)),
            ("name", spelt::<Quoted<Interface>>(&vlan.name)),
            ("addresses", spelt::<List<Quoted<Address>>>(&vlan.addresses)),
        ];
        write_fields(&fields, text);
    }
    fn shape() -> Shape {
        Shape::Record(&VLAN)
    }
}

static RESERVATION: [Field; 3] = [
    Field {
        name: "mac",
        doc: "MAC address of the microVM's interface",
        required: true,
        shape: Quoted::<Mac>::shape,
    },
    Field {
        name: "address",
        doc: "address that it always gets",
        required: true,
        shape: Quoted::<Ip>::shape,
    },
    Field {
        name: "name",
        doc: "host name that DHCP gives it",
        required: false,
        shape: Quoted::<HostName>::shape,
    },
];

/// An entry of `[network.dhcp] reservations`; `name` may be missing or empty.
pub(crate) struct ReservationEntry;

impl Kind for ReservationEntry {
    type Out = Reservation;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Reservation> {
        let mut entry = Entry::open(value, &RESERVATION, at)?;
        let mac = entry.required::<Quoted<Mac>>("mac");
        let address = entry.required::<Quoted<Ip>>("address");
        let name = entry.optional::<Maybe<HostName>>("name").flatten();
        let complete = entry.complete;
        let (mac, address) = mac.zip(address).filter(|_| complete)?;
        Some(Reservation { mac, address, name })
    }
    fn write(reservation: &Reservation, text: &mut String) {
        let mut fields = vec![
            ("mac", spelt::<Quoted<Mac>>(&reservation.mac)),
            ("address", spelt::<Quoted<Ip>>(&reservation.address)),
        ];
        fields
            .extend(reservation.name.iter().map(|name| ("name", spelt::<Quoted<HostName>>(name))));
        write_fields(&fields, text);
    }
    fn shape() -> Shape {
        Shape::Record(&RESERVATION)
    }
}

static RESERVED: [Field; 2] = [
    Field {
        name: "address",
        doc: "address that no microVM gets by DHCP",
        required: true,
        shape: Quoted::<Ip>::shape,
    },
    Field {
        name: "name",
        doc: "what it is for; `mvmhost capmvm --name` takes the one with the name of its cluster",
        required: false,
        shape: Quoted::<HostName>::shape,
    },
];

/// An entry of `[network] reserved`; `name` may be missing or empty.
pub(crate) struct ReservedEntry;

impl Kind for ReservedEntry {
    type Out = Reserved;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Reserved> {
        let mut entry = Entry::open(value, &RESERVED, at)?;
        let address = entry.required::<Quoted<Ip>>("address");
        let name = entry.optional::<Maybe<HostName>>("name").flatten();
        let complete = entry.complete;
        address.filter(|_| complete).map(|address| Reserved { address, name })
    }
    fn write(reserved: &Reserved, text: &mut String) {
        let mut fields = vec![("address", spelt::<Quoted<Ip>>(&reserved.address))];
        fields.extend(reserved.name.iter().map(|name| ("name", spelt::<Quoted<HostName>>(name))));
        write_fields(&fields, text);
    }
    fn shape() -> Shape {
        Shape::Record(&RESERVED)
    }
}

static ROUTE: [Field; 2] = [
    Field { name: "to", doc: "IPv4 subnet", required: true, shape: Quoted::<SubnetV4>::shape },
    Field {
        name: "via",
        doc: "router in the microVMs' network for that subnet",
        required: true,
        shape: Quoted::<Ipv4>::shape,
    },
];

/// An entry of `[network.dhcp] routes`; both keys are required.
pub(crate) struct RouteEntry;

impl Kind for RouteEntry {
    type Out = StaticRoute;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<StaticRoute> {
        let mut entry = Entry::open(value, &ROUTE, at)?;
        let to = entry.required::<Quoted<SubnetV4>>("to");
        let via = entry.required::<Quoted<Ipv4>>("via");
        let complete = entry.complete;
        to.zip(via).filter(|_| complete).map(|(to, via)| StaticRoute { to, via })
    }
    fn write(route: &StaticRoute, text: &mut String) {
        let fields = [
            ("to", spelt::<Quoted<SubnetV4>>(&route.to)),
            ("via", spelt::<Quoted<Ipv4>>(&route.via)),
        ];
        write_fields(&fields, text);
    }
    fn shape() -> Shape {
        Shape::Record(&ROUTE)
    }
}

static ALSO: [Field; 4] = [
    Field {
        name: "interface",
        doc: "interface with an IPv4 address in this file",
        required: true,
        shape: Quoted::<Interface>::shape,
    },
    Field {
        name: "range",
        doc: "first and last address that DHCP gives out; default: its subnet without the first nine addresses",
        required: false,
        shape: Range::shape,
    },
    Field {
        name: "router",
        doc: "router (gateway) that DHCP gives there; default: this host's address on that interface",
        required: false,
        shape: Quoted::<Ip>::shape,
    },
    Field {
        name: "dns",
        doc: "name servers that DHCP gives there; []: this host, which forwards",
        required: false,
        shape: List::<Quoted<Ip>>::shape,
    },
];

/// An entry of `[network.dhcp] also`; only `interface` is required.
pub(crate) struct AlsoEntry;

impl Kind for AlsoEntry {
    type Out = Also;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Also> {
        let mut entry = Entry::open(value, &ALSO, at)?;
        let interface = entry.required::<Quoted<Interface>>("interface");
        let range = entry.optional::<Range>("range").flatten();
        let router = entry.optional::<Maybe<Ip>>("router").flatten();
        let dns = entry.optional::<List<Quoted<Ip>>>("dns").unwrap_or_default();
        let complete = entry.complete;
        let interface = interface.filter(|_| complete)?;
        Some(Also { interface, range, router, dns })
    }
    fn write(also: &Also, text: &mut String) {
        let fields = [
            ("interface", spelt::<Quoted<Interface>>(&also.interface)),
            ("range", spelt::<Range>(&also.range)),
            ("router", spelt::<Maybe<Ip>>(&also.router)),
            ("dns", spelt::<List<Quoted<Ip>>>(&also.dns)),
        ];
        write_fields(&fields, text);
    }
    fn shape() -> Shape {
        Shape::Record(&ALSO)
    }
}

static IGNORE: [Field; 3] = [
    Field {
        name: "code",
        doc: "code of the finding",
        required: true,
        shape: Quoted::<Code>::shape,
    },
    Field {
        name: "reason",
        doc: "why it is accepted on this host",
        required: true,
        shape: Quoted::<Reason>::shape,
    },
    Field {
        name: "until",
        doc: "last day on which the entry holds, as YYYY-MM-DD",
        required: false,
        shape: Day::shape,
    },
];

/// An entry of `[validate] ignore`; only `until` may be missing.
pub(crate) struct IgnoreEntry;

impl Kind for IgnoreEntry {
    type Out = Ignore;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Ignore> {
        let mut entry = Entry::open(value, &IGNORE, at)?;
        let code = entry.required::<Quoted<Code>>("code");
        let reason = entry.required::<Quoted<Reason>>("reason");
        let until = entry.optional::<Day>("until");
        let complete = entry.complete;
        let (code, reason) = code.zip(reason).filter(|_| complete)?;
        Some(Ignore { code, reason, until })
    }
    fn write(ignore: &Ignore, text: &mut String) {
        let mut fields = vec![
            ("code", spelt::<Quoted<Code>>(&ignore.code)),
            ("reason", spelt::<Quoted<Reason>>(&ignore.reason)),
        ];
        fields.extend(ignore.until.iter().map(|until| ("until", spelt::<Day>(until))));
        write_fields(&fields, text);
    }
    fn shape() -> Shape {
        Shape::Record(&IGNORE)
    }
}
