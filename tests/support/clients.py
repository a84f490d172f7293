"""A client of redis-py for what a URL names: one server, the primary of sentinels, or a cluster."""

from typing import Any, cast

import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

from redflow.driver.urls import parse_url


def server_client(url: str) -> redis.Redis:
    """Connect to what a URL names; replies stay as a server gave them.

    Of a cluster it is a RedisCluster, which has the methods that tests use: each command goes to
    the master of its key, KEYS and SCRIPT LOAD to all of them.
    """
    address = parse_url(url)
    if address.kind == "cluster":
        return _of_cluster([ClusterNode(host, port) for host, port in address.places])
    if address.kind == "sentinel":
        sentinels = Sentinel(address.places)
        return raw(sentinels.master_for(address.service, db=address.options["db"], protocol=2))
    return raw(redis.Redis.from_url(url, protocol=2))


def raw(client: redis.Redis) -> redis.Redis:
    """Take away the client's own reading of replies: the store reads them itself."""
    client.response_callbacks.clear()
    return client


def _of_cluster(nodes: list[ClusterNode]) -> redis.Redis:
    cluster: Any = RedisCluster(startup_nodes=nodes, protocol=2)
    cluster.command_flags["KEYS"] = RedisCluster.PRIMARIES  # redis-py asks one of them
    cluster.cluster_response_callbacks.clear()
    for node in cluster.get_nodes():
        raw(cluster.get_redis_connection(node))
    return cast(redis.Redis, cluster)
