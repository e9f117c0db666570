/** Names that EC2 derives from addresses, in us-east-1. */

export function publicDnsName(ip: string): string {
  return `ec2-${ip.replaceAll('.', '-')}.compute-1.amazonaws.com`
}

export function privateDnsName(ip: string): string {
  return `ip-${ip.replaceAll('.', '-')}.ec2.internal`
}
