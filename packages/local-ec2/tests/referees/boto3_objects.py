"""A launch as people write it with boto3's objects, and what they could see of it, as one JSON value."""

import json
import sys

import boto3

image, key_name = sys.argv[1:]
ec2 = boto3.resource("ec2")
group = ec2.create_security_group(GroupName="objects", Description="made by objects of boto3")
group.authorize_ingress(IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="127.0.0.1/32")
key = ec2.create_key_pair(KeyName=key_name)
[instance] = ec2.create_instances(
    ImageId=image,
    InstanceType="t3.micro",
    KeyName=key_name,
    MinCount=1,
    MaxCount=1,
    SecurityGroupIds=[group.id],
)
instance.wait_until_running()
instance.reload()
instance.create_tags(Tags=[{"Key": "Name", "Value": "by-objects"}])
found = list(ec2.instances.filter(Filters=[{"Name": "tag:Name", "Values": ["by-obj*"]}]))
seen = {
    "found": [each.id for each in found] == [instance.id],
    "state": instance.state["Name"],
    "key": instance.key_name,
    "vpc": instance.vpc.id == instance.subnet.vpc_id == group.vpc_id,
    "default": instance.vpc.is_default,
    "groups": [each["GroupName"] for each in instance.security_groups],
    "volumes": [volume.size for volume in instance.volumes.all()],
    "interfaces": [each.private_ip_address for each in instance.network_interfaces]
    == [instance.private_ip_address],
    "rules": [rule["FromPort"] for rule in group.ip_permissions],
    "key begins": key.key_material.splitlines()[0],
}
instance.stop()
instance.wait_until_stopped()
instance.reload()
seen["stopped"] = [instance.state["Name"], instance.public_ip_address]
instance.terminate()
instance.wait_until_terminated()
instance.reload()
seen["terminated"] = instance.state["Name"]
group.delete()
key.delete()
print(json.dumps(seen))
