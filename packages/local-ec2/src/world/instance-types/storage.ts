/** Storage optimized: with disks of their own. */
import { type Family, graviton, intel } from './family.ts'

export const storage: readonly Family[] = [
  {
    name: 'i3',
    cpu: intel,
    ghz: 2.3,
    threadsPerCore: 2,
    xen: 'supported',
    has: 'current spot hosts hibernation cluster',
    rows: `
      large     1 15.25   425  3000 40  3x10 0.75/10 8 ssd=1x475
      xlarge    2  30.5   850  6000 40  4x15 1.25/10 8 ssd=1x950
      2xlarge   4    61  1700 12000 40  4x15  2.5/10 8 ssd=1x1900
      4xlarge   8   122  3500 16000 40  8x30    5/10 8 ssd=2x1900
      8xlarge  16   244  7000 32500 40  8x30      12 8 ssd=4x1900 network=10_Gigabit -hibernation
      16xlarge 32   488 14000 65000 40 15x50      25 8 ssd=8x1900 cores=2-32/2 -hibernation`,
  },
  {
    name: 'i3en',
    cpu: intel,
    ghz: 3.1,
    threadsPerCore: 2,
    has: 'current spot hosts transit tpm enclaves hibernation cluster',
    rows: `
      large     1  16  576/4750  3000/20000 26  3x10  2.1/25  8 ssd=1x1250 throughput=72.1 -enclaves
      xlarge    2  32 1153/4750  6000/20000 26  4x15  4.2/25  8 ssd=1x2500 throughput=144.2
      2xlarge   4  64 2307/4750 12000/20000 25  4x15  8.4/25  8 ssd=2x2500 cores=2,4 throughput=288.3875
      3xlarge   6  96 3800/4750 15000/20000 26  4x15 12.5/25 32 ssd=1x7500 cores=2-6/2
      6xlarge  12 192      4750       20000 25  8x30      25 32 ssd=2x7500 cores=2-12/2 -hibernation
      12xlarge 24 384      9500       40000 23  8x30      50 32 ssd=4x7500 cores=2-24/2 -hibernation +efa
      24xlarge 48 768     19000       80000 19 15x50     100 32 ssd=8x7500 cores=2-48/2 -hibernation +efa
      metal    48 768     19000       80000 31 15x50     100 32 ssd=8x7500 +efa`,
  },
  {
    name: 'i4i',
    cpu: intel,
    ghz: 3.5,
    threadsPerCore: 2,
    has: 'current spot hosts transit tpm enclaves cluster express',
    rows: `
      large     1   16  625/10000  2500/40000 26  3x10 0.781/10 2 ssd=1x468 -enclaves -express
      xlarge    2   32 1250/10000  5000/40000 26  4x15 1.875/10 4 ssd=1x937 -express
      2xlarge   4   64 2500/10000 10000/40000 26  4x15 4.687/12 8 ssd=1x1875 -express
      4xlarge   8  128 5000/10000 20000/40000 26  8x30 9.375/25 8 ssd=1x3750 -express
      8xlarge  16  256      10000       40000 25  8x30    18.75 8 ssd=2x3750
      12xlarge 24  384      15000       60000 24  8x30   28.125 8 ssd=3x3750 network=28.12_Gigabit -hosts
      16xlarge 32  512      20000       80000 23 15x50     37.5 8 ssd=4x3750 cores=2-32/2
      24xlarge 48  768      30000      120000 21 15x30    56.25 8 ssd=6x3750 cores=2-48/2 -hosts
      32xlarge 64 1024      40000      160000 19 15x50       75 8 ssd=8x3750 cores=2-64/2 +efa
      metal    64 1024      40000      160000 31 15x50       75 8 ssd=8x3750 +efa`,
  },
  {
    name: 'i7ie',
    cpu: intel,
    ghz: 3.2,
    threadsPerCore: 2,
    has: 'current spot hosts transit tpm enclaves nested cluster phc secondary attachments express',
    rows: `
      large       1   16  625/10000  2500/40000  32  3x10 2.083/25  2 ssd=1x1250 -enclaves -express +hibernation
      xlarge      2   32 1250/10000  5000/40000  32  4x15 4.166/25  4 ssd=1x2500 -express +hibernation
      2xlarge     4   64 2500/10000 10000/40000  32  4x15 8.333/25  8 ssd=2x2500 -express +hibernation
      3xlarge     6   96 3750/10000 15000/40000  32  4x15  12.5/25  8 ssd=1x7500 +hibernation
      6xlarge    12  192 7500/10000 30000/40000  32  8x30  12.5/25  8 ssd=2x7500 card=25_Gigabit
      12xlarge   24  384      15000       60000  32  8x50    25/50 16 ssd=4x7500
      18xlarge   36  576      22500       90000  48 15x50  37.5/75 16 ssd=6x7500
      24xlarge   48  768      30000      120000  64 15x50   50/100 16 ssd=8x7500
      48xlarge   96 1536      60000      240000 128 15x50      100 32 ssd=16x7500 cores=4-96/2 network=200_Gigabit cards=8+7 card=100_Gigabit +efa
      metal-24xl 48  768      30000      120000  39 15x50   50/100 16 ssd=8x7500
      metal-48xl 96 1536      60000      240000  79 15x50      100 32 ssd=16x7500 network=200_Gigabit cards=8+7 card=100_Gigabit +efa`,
  },
  {
    name: 'i8g',
    cpu: graviton,
    ghz: 2.8,
    threadsPerCore: 1,
    has: 'current spot hosts transit tpm enclaves cluster phc secondary attachments express',
    rows: `
      large        2   16  625/10000  2500/40000  32  3x10 1.172/10  2 ssd=1x468 -express +hibernation
      xlarge       4   32 1250/10000  5000/40000  32  4x15 2.344/10  4 ssd=1x937 -express +hibernation
      2xlarge      8   64 2500/10000 10000/40000  32  4x15 4.688/12  8 ssd=1x1875 -express +hibernation
      4xlarge     16  128 5000/10000 20000/40000  32  8x30 9.375/25  8 ssd=1x3750 -express +hibernation
      8xlarge     32  256      10000       40000  32  8x30       25  8 ssd=2x3750 network=Up_to_25_Gigabit
      12xlarge    48  384      15000       60000  32  8x30   28.125  8 ssd=3x3750 network=Up_to_28.12_Gigabit
      16xlarge    64  512      20000       80000  48 15x50     37.5  8 ssd=4x3750 network=Up_to_37.5_Gigabit
      24xlarge    96  768      30000      120000  64 15x50    56.25 16 ssd=6x3750 network=Up_to_56.25_Gigabit
      48xlarge   192 1536      60000      240000 128 15x50      100 16 ssd=12x3750 cores=4-192/2 network=Up_to_100_Gigabit +efa
      metal-24xl  96  768      30000      120000  39 15x50    56.25 32 ssd=6x3750 network=Up_to_56.25_Gigabit +attachments
      metal-48xl 192 1536      60000      240000  79 15x50      100 32 ssd=12x3750 network=Up_to_100_Gigabit +efa`,
  },
  {
    name: 'i8ge',
    cpu: graviton,
    ghz: 2.8,
    threadsPerCore: 1,
    has: 'current spot hosts transit tpm enclaves cluster phc secondary idle-350 attachments flexible-queues express',
    rows: `
      large        2   16  625/10000  2500/40000  32  3x10  2.1/25      2/6/2 ssd=1x1250 -express +hibernation
      xlarge       4   32 1250/10000  5000/40000  32  4x15  4.2/25     4/16/4 ssd=1x2500 -express +hibernation
      2xlarge      8   64 2500/10000 10000/40000  32  4x15  8.4/25     8/32/8 ssd=2x2500 -express +hibernation
      3xlarge     12   96 3750/10000 15000/40000  32  6x30 12.5/25    8/48/16 ssd=1x7500 -express +hibernation
      6xlarge     24  192 7500/10000 30000/40000  32 10x30    37.5    8/96/32 ssd=2x7500 card=Up_to_37.5_Gigabit
      12xlarge    48  384      15000       60000  32 12x30      75  16/192/64 ssd=4x7500 card=Up_to_75_Gigabit
      18xlarge    72  576      22500       90000  48 16x50   112.5 16/288/128 ssd=6x7500 card=Up_to_112.5_Gigabit
      24xlarge    96  768      30000      120000  64 16x50     150 16/384/128 ssd=8x7500 card=Up_to_150_Gigabit
      48xlarge   192 1536      60000      240000 128 24x50     300 32/768/128 ssd=16x7500 ghz=2.7 cores=4-192/2 cards=12+12 card=Up_to_300_Gigabit +efa
      metal-24xl  96  768      30000      120000  39 16x50     150 16/384/128 ssd=8x7500 card=Up_to_150_Gigabit
      metal-48xl 192 1536      60000      240000  79 24x50     300 32/768/128 ssd=16x7500 ghz=2.7 cards=12+12 card=Up_to_300_Gigabit +efa`,
  },
  {
    name: 'd3',
    cpu: intel,
    ghz: 3.1,
    threadsPerCore: 2,
    has: 'current spot transit tpm enclaves cluster',
    rows: `
      xlarge   2  32  850/2800  5000/15000 24  4x3    3/15  8 hdd=3x1980
      2xlarge  4  64 1700/2800 10000/15000 21  4x5    6/15  8 hdd=6x1980 cores=2,4
      4xlarge  8 128      2800       15000 15 4x10 12.5/15  8 hdd=12x1980 cores=2-8/2
      8xlarge 16 256      5000       30000  3 3x20      25 32 hdd=24x1980 cores=2-16/2`,
  },
]
