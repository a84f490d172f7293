"""delete_webhook: nothing is left of a webhook, and the others stay."""

from redflow.store.webhooks import delete_webhook, list_webhooks, put_webhook
from tests.store.support import Store


def put(store: Store, name: str) -> None:
    store.run(
        put_webhook(store.space, name, path=f"p-{name}", choice="keep", rate=0, document=b"{}")
    )


def delete(store: Store, name: str) -> bool:
    return store.run(delete_webhook(store.space, name))


def test_it_is_gone_and_the_others_are_not(store: Store) -> None:
    put(store, "a")
    put(store, "b")
    assert delete(store, "a")
    assert [one.name for one in store.run(list_webhooks(store.space))] == ["b"]


def test_the_last_one_leaves_no_key(store: Store) -> None:
    put(store, "a")
    delete(store, "a")
    assert store.command("EXISTS", store.keys.webhooks) == 0


def test_one_that_is_not_there(store: Store) -> None:
    put(store, "a")
    assert [delete(store, "b"), delete(store, "a"), delete(store, "a")] == [False, True, False]
