#!/bin/bash
# shipped_crash.sh HOLDFAST HOLDFAST-FAULT: what is shipped cannot be told to
# fail, what is tested can.
holdfast=$1
fault=$2

n=0
result() {
	n=$((n + 1))
	if [ "$1" = "$2" ]; then echo "ok $n - $3"; else echo "not ok $n - $3"; fi
}

echo 1..2
grep -q HOLDFAST_FAULT "$holdfast"
result $? 1 'the shipped program has no faults to offer'
grep -q HOLDFAST_FAULT "$fault"
result $? 0 'the one for tests has'
