"""`--host`: an address takes the place of the card's."""

from __future__ import annotations

import pytest

from edgespec.errors import Mistake
from edgespec.targets import card as target_cards
from edgespec.targets.card import Target


@pytest.mark.parametrize(
    ("address", "host", "user", "port"),
    [
        ("orin", "orin", "lab", 22),
        ("pi@192.168.0.7", "192.168.0.7", "pi", 22),
        ("pi@bench-7.local:2222", "bench-7.local", "pi", 2222),
        ("[fe80::7%eth0]:22", "fe80::7%eth0", "lab", 22),
        ("anna@uni.de@gate", "gate", "anna@uni.de", 22),
    ],
)
def test_an_address_takes_the_place_of_the_cards(address: str, host: str, user: str, port: int) -> None:
    card = target_cards.with_host(Target("jetson", "tensorrt", reach="ssh", host="old", user="lab", port=22), address)
    assert (card.name, card.host, card.user, card.port) == ("jetson", host, user, port)


@pytest.mark.parametrize(
    "address", ["", "-oProxyCommand=x", "pi@", "pi@-x", "a b", "pi@host:0", "pi@host:99999", "fe80::7"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Mistake, match="not an address of a device"):
        target_cards.with_host(Target("jetson", "tensorrt", reach="ssh"), address)


def test_a_host_is_that_of_the_one_target_that_is_reached_by_ssh() -> None:
    here, there = target_cards.cards(["local", "jetson"], "pi@orin")
    assert (here, there.user, there.host) == (target_cards.load("local"), "pi", "orin")
    assert target_cards.cards(["local", "jetson"]) == [target_cards.load("local"), target_cards.load("jetson")]
    with pytest.raises(Mistake, match="of which of jetson, jetson_7"):
        target_cards.cards(["jetson", "jetson_7"], "orin")
    with pytest.raises(Mistake, match="this machine"):
        target_cards.cards(["local"], "orin")


def test_this_machine_has_no_host() -> None:
    with pytest.raises(Mistake, match="this machine"):
        target_cards.with_host(target_cards.load("local"), "pi@pi")
