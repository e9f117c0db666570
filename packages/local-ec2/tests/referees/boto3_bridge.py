"""Calls boto3 as it is told, one line of JSON a call, and says in one line what came of it."""

import datetime
import json
import sys

import boto3
import botocore.exceptions


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(type(value))


def perform(client, kind, name, arguments, options):
    if kind == "call":
        answer = getattr(client, name)(**arguments)
        answer.pop("ResponseMetadata")
        return answer
    if kind == "wait":
        return client.get_waiter(name).wait(**arguments, WaiterConfig=options)
    pages = []
    for page in client.get_paginator(name).paginate(**arguments, PaginationConfig=options):
        page.pop("ResponseMetadata")
        pages.append(page)
    return pages


clients = {service: boto3.client(service) for service in ("ec2", "sts")}
for line in sys.stdin:
    order = json.loads(line)
    service = order.pop("service")
    try:
        answer = {"result": perform(clients[service], **order)}
    except botocore.exceptions.ClientError as error:
        said, metadata = error.response["Error"], error.response["ResponseMetadata"]
        status = metadata["HTTPStatusCode"]
        answer = {"error": {"code": said["Code"], "message": said["Message"], "status": status}}
    except (botocore.exceptions.BotoCoreError, TypeError, ValueError) as error:
        answer = {"fault": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=plain), flush=True)
