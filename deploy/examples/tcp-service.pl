#!/usr/bin/perl
# tcp-service.pl PORT: says READY to everybody who connects to 127.0.0.1:PORT. Ends with SIGTERM.
use strict;
use warnings;
use IO::Socket::INET;

my $port = shift // die "usage: tcp-service.pl PORT\n";
my $server = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1
) or die "cannot listen on 127.0.0.1:$port: $@\n";
$SIG{PIPE} = 'IGNORE';
while (my $client = $server->accept) {
    print $client "READY muster example service\n";
    close $client;
}
