"""Redis and Valkey, by redis-py or valkey-py: `Redis`, `AsyncRedis`, and `client_on` a connection of either world."""

from typing import TYPE_CHECKING

from pingpool.databases.common.on_demand import on_demand

if TYPE_CHECKING:
    from pingpool.databases.redis.client import client_on
    from pingpool.databases.redis.redis import Redis
    from pingpool.databases.redis.redis_asyncio import AsyncRedis

__all__ = ["AsyncRedis", "Redis", "client_on"]

__getattr__ = on_demand(__name__, {"AsyncRedis": "redis_asyncio", "Redis": "redis", "client_on": "client"}, extras={})
