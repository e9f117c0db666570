/** Compute optimized: 2 GiB of memory for a vCPU. */
import { amd, type Family, graviton, intel } from './family.ts'

export const compute: readonly Family[] = [
  {
    name: 'c5',
    cpu: intel,
    ghz: 3.4,
    threadsPerCore: 2,
    has: 'spot hosts recovery reboot tpm enclaves hibernation cluster',
    rows: `
      large     1   4  650/4750  4000/20000 27  3x10 0.75/10 8 -enclaves
      xlarge    2   8 1150/4750  6000/20000 27  4x15 1.25/10 8 cores=2
      2xlarge   4  16 2300/4750 10000/20000 27  4x15  2.5/10 8 cores=2,4
      4xlarge   8  32      4750       20000 27  8x30    5/10 8 cores=2-8/2
      9xlarge  18  72      9500       40000 27  8x30      12 8 cores=2-18/2
      12xlarge 24  96      9500       40000 27  8x30      12 8 ghz=3.6 cores=2-24/2
      18xlarge 36 144     19000       80000 27 15x50      25 8 cores=4-36/2
      24xlarge 48 192     19000       80000 27 15x50      25 8 ghz=3.6 cores=2-48/2 -hosts -hibernation
      metal    48 192     19000       80000 31 15x50      25 8 ghz=3.6 -hosts`,
  },
  {
    name: 'c5d',
    cpu: intel,
    ghz: 3.4,
    threadsPerCore: 2,
    has: 'current spot hosts tpm enclaves hibernation cluster',
    rows: `
      large     1   4  650/4750  4000/20000 26  3x10 0.75/10 8 ssd=1x50 -enclaves
      xlarge    2   8 1150/4750  6000/20000 26  4x15 1.25/10 8 ssd=1x100 cores=2
      2xlarge   4  16 2300/4750 10000/20000 26  4x15  2.5/10 8 ssd=1x200 cores=2,4
      4xlarge   8  32      4750       20000 26  8x30    5/10 8 ssd=1x400 cores=2-8/2
      9xlarge  18  72      9500       40000 26  8x30      12 8 ssd=1x900 cores=2-18/2
      12xlarge 24  96      9500       40000 25  8x30      12 8 ssd=2x900 ghz=3.6 cores=2-24/2
      18xlarge 36 144     19000       80000 25 15x50      25 8 ssd=2x900 cores=4-36/2
      24xlarge 48 192     19000       80000 23 15x50      25 8 ssd=4x900 ghz=3.6 cores=2-48/2 -hibernation
      metal    48 192     19000       80000 31 15x50      25 8 ssd=4x900 ghz=3.6 -hosts`,
  },
  {
    name: 'c5n',
    cpu: intel,
    ghz: 3.4,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster',
    rows: `
      large     1 5.25  650/4750  4000/20000 27  3x10  3/25  8 -enclaves
      xlarge    2 10.5 1150/4750  6000/20000 27  4x15  5/25  8 cores=2
      2xlarge   4   21 2300/4750 10000/20000 27  4x15 10/25  8 cores=2,4
      4xlarge   8   42      4750       20000 27  8x30 15/25 32 cores=2-8/2
      9xlarge  18   96      9500       40000 27  8x30    50 32 cores=2-18/2 +efa
      18xlarge 36  192     19000       80000 27 15x50   100 32 cores=4-36/2 +efa
      metal    36  192     19000       80000 31 15x50   100 32 +efa`,
  },
  {
    name: 'c6i',
    cpu: intel,
    ghz: 3.5,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster flexible-queues express',
    rows: `
      large     1   4  650/10000  3600/40000 27  3x10 0.781/12.5    2/6/2 -enclaves -express
      xlarge    2   8 1250/10000  6000/40000 27  4x15 1.562/12.5   4/16/4 -express
      2xlarge   4  16 2500/10000 12000/40000 27  4x15 3.125/12.5   8/32/8 cores=2,4 -express
      4xlarge   8  32 5000/10000 20000/40000 27  8x30  6.25/12.5  8/64/16 cores=2-8/2 -express
      8xlarge  16  64      10000       40000 27  8x30       12.5  8/64/32 cores=2-16/2
      12xlarge 24  96      15000       60000 27  8x30      18.75  8/64/32 cores=2-24/2
      16xlarge 32 128      20000       80000 27 15x50         25 8/120/32 cores=2-32/2
      24xlarge 48 192      30000      120000 27 15x50       37.5 8/120/32 cores=2-48/2 -hibernation
      32xlarge 64 256      40000      160000 27 15x50         50 8/120/32 cores=2-64/2 -hibernation +efa
      metal    64 256      40000      160000 31 15x50         50   8/-/32 +efa`,
  },
  {
    name: 'c6a',
    cpu: amd,
    ghz: 3.6,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation sev-snp cluster express',
    rows: `
      large     1   4  650/10000  3600/40000 27  3x10 0.781/12.5 2 -enclaves -express
      xlarge    2   8 1250/10000  6000/40000 27  4x15 1.562/12.5 4 -express
      2xlarge   4  16 2500/10000 12000/40000 27  4x15 3.125/12.5 8 -express
      4xlarge   8  32 5000/10000 20000/40000 27  8x30  6.25/12.5 8 -express
      8xlarge  16  64      10000       40000 27  8x30       12.5 8 cores=4-16/2 -express
      12xlarge 24  96      15000       60000 27  8x30      18.75 8 cores=1,2,3,4,5,6,7,8,16,24 -hibernation
      16xlarge 32 128      20000       80000 27 15x50         25 8 cores=4,6,8,10,12,14,16,32
      24xlarge 48 192      30000      120000 27 15x50       37.5 8 cores=4,6,8,10,12,14,16,32,48 -hibernation -sev-snp
      32xlarge 64 256      40000      160000 27 15x50         50 8 cores=8,12,16,20,24,28,32,64 -hibernation -sev-snp
      48xlarge 96 384      40000      240000 27 15x50         50 8 cores=8,12,16,20,24,28,32,64,96 -hibernation -sev-snp +efa
      metal    96 384      40000      240000 31 15x50         50 8 +efa`,
  },
  {
    name: 'c6g',
    cpu: graviton,
    ghz: 2.5,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot tpm enclaves hibernation cluster',
    rows: `
      medium    1   2  315/4750  2500/20000 27   2x4  0.5/10 8 -enclaves
      large     2   4  630/4750  3600/20000 27  3x10 0.75/10 8
      xlarge    4   8 1188/4750  6000/20000 27  4x15 1.25/10 8
      2xlarge   8  16 2375/4750 12000/20000 27  4x15  2.5/10 8
      4xlarge  16  32      4750       20000 27  8x30    5/10 8
      8xlarge  32  64      9500       40000 27  8x30      12 8
      12xlarge 48  96     14250       50000 27  8x30      20 8
      16xlarge 64 128     19000       80000 27 15x50      25 8
      metal    64 128     19000       80000 31 15x50      25 8`,
  },
  {
    name: 'c6gn',
    cpu: graviton,
    ghz: 2.5,
    threadsPerCore: 1,
    has: 'spot hosts recovery reboot transit tpm enclaves hibernation cluster',
    rows: `
      medium    1   2  760/9500  2500/40000 27   2x4  1.6/16  1 cores=1 -enclaves
      large     2   4 1235/9500  5000/40000 27  3x10    3/25  2
      xlarge    4   8 2375/9500 10000/40000 27  4x15  6.3/25  4 throughput=296.88
      2xlarge   8  16 4750/9500 20000/40000 27  4x15 12.5/25  8
      4xlarge  16  32      9500       40000 27  8x30      25 16 +express
      8xlarge  32  64     19000       80000 27  8x30      50 32 +express
      12xlarge 48  96     28500      120000 27  8x30      75 32 +express
      16xlarge 64 128     38000      160000 27 15x50     100 32 +express +efa`,
  },
  {
    name: 'c7i',
    cpu: intel,
    ghz: 3.2,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation nested cluster phc secondary attachments express',
    rows: `
      large       1   4  650/10000  3600/40000  32  3x10 0.781/12.5  2 -enclaves -express
      xlarge      2   8 1250/10000  6000/40000  32  4x15 1.562/12.5  4 -express
      2xlarge     4  16 2500/10000 12000/40000  32  4x15 3.125/12.5  8 -express
      4xlarge     8  32 5000/10000 20000/40000  32  8x30  6.25/12.5  8 -express
      8xlarge    16  64      10000       40000  32  8x30       12.5  8 -express
      12xlarge   24  96      15000       60000  32  8x30      18.75  8
      16xlarge   32 128      20000       80000  48 15x50         25  8
      24xlarge   48 192      30000      120000  64 15x50       37.5  8 -hosts -hibernation
      48xlarge   96 384      40000      240000 128 15x50         50 16 cores=4-96/2 -hosts -hibernation +efa
      metal-24xl 48 192      30000      120000  39 15x50       37.5  8 -hosts +attachments
      metal-48xl 96 384      40000      240000  79 15x50         50 16 +attachments +efa`,
  },
  {
    name: 'c7i-flex',
    cpu: intel,
    ghz: 3.2,
    threadsPerCore: 2,
    has: 'current spot recovery reboot transit tpm hibernation nested phc secondary attachments',
    rows: `
      large     1   4   312/10000  2500/40000 32  3x10   0.39/12.5 1 throughput=39.0625 +free
      xlarge    2   8   625/10000  3600/40000 32  4x15  0.781/12.5 2
      2xlarge   4  16  1250/10000  6000/40000 32  4x15  1.562/12.5 4
      4xlarge   8  32  2500/10000 12000/40000 32  8x30  3.125/12.5 4
      8xlarge  16  64  5000/10000 20000/40000 32  8x30   6.25/12.5 4
      12xlarge 24  96  7500/15000 30000/60000 32  8x30 9.375/18.75 4
      16xlarge 32 128 10000/20000 40000/80000 48 15x50     12.5/25 4`,
  },
  {
    name: 'c7a',
    cpu: amd,
    ghz: 3.7,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary attachments',
    rows: `
      medium       1   2  325/10000  2500/40000  32   2x4  0.39/12.5  1 -enclaves
      large        2   4  650/10000  3600/40000  32  3x10 0.781/12.5  2 -enclaves
      xlarge       4   8 1250/10000  6000/40000  32  4x15 1.562/12.5  4
      2xlarge      8  16 2500/10000 12000/40000  32  4x15 3.125/12.5  8
      4xlarge     16  32 5000/10000 20000/40000  32  8x30  6.25/12.5  8 cores=1,2,4,6,8,10,12,14,16
      8xlarge     32  64      10000       40000  32  8x30       12.5  8 cores=1,2,3,4,8,12,16,20,24,28,32
      12xlarge    48  96      15000       60000  32  8x30      18.75  8 cores=1,2,3,4,5,6,12,18,24,30,36,42,48 +express
      16xlarge    64 128      20000       80000  48 15x50         25  8 cores=1,2,3,4,5,6,7,8,16,24,32,40,48,56,64 +express
      24xlarge    96 192      30000      120000  64 15x50       37.5  8 cores=1,2,3,4,5,6,7,8,9,10,11,12,24,36,48,60,72,84,96 -hibernation +express
      32xlarge   128 256      40000      160000  88 15x50         50 16 cores=4,6,8,10,12,14,16,32,48,64,80,96,112,128 -hibernation +express
      48xlarge   192 384      40000      240000 128 15x50         50 16 cores=4,6,8,10,12,14,16,18,20,22,24,48,72,96,120,144,168,192 -hibernation +express +efa
      metal-48xl 192 384      40000      240000  79 15x50         50 16 +attachments +express +efa`,
  },
  {
    name: 'c7g',
    cpu: graviton,
    ghz: 2.6,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster secondary',
    rows: `
      medium    1   2  315/10000  2500/40000 27   2x4  0.52/12.5 1 -enclaves
      large     2   4  630/10000  3600/40000 27  3x10 0.937/12.5 2
      xlarge    4   8 1250/10000  6000/40000 27  4x15 1.876/12.5 4 throughput=156.25039999999998
      2xlarge   8  16 2500/10000 12000/40000 27  4x15    3.75/15 8
      4xlarge  16  32 5000/10000 20000/40000 27  8x30     7.5/15 8
      8xlarge  32  64      10000       40000 27  8x30         15 8
      12xlarge 48  96      15000       60000 27  8x30       22.5 8 +express
      16xlarge 64 128      20000       80000 27 15x50         30 8 +express +efa
      metal    64 128      20000       80000 31 15x50         30 8 +express +efa`,
  },
  {
    name: 'c7gn',
    cpu: graviton,
    ghz: 2.6,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm hibernation cluster secondary express',
    rows: `
      medium    1   2   521/10000    2083/40000 27   2x4 3.125/25  1 -express
      large     2   4  1042/10000    4167/40000 27  3x10  6.25/30  2 -express
      xlarge    4   8  2083/10000    8333/40000 27  4x15  12.5/40  4 -express
      2xlarge   8  16  4167/10000   16667/40000 27  4x15    25/50  8 -express
      4xlarge  16  32  8333/10000   33333/40000 27  8x30       50 16
      8xlarge  32  64 16667/20000   66667/80000 27  8x30      100 32
      12xlarge 48  96 25000/30000 100000/120000 27  8x30      150 32
      16xlarge 64 128 33333/40000 133333/160000 27 15x50      200 32 +efa
      metal    64 128 33333/40000 133333/160000 31 15x50      200 32 +efa`,
  },
  {
    name: 'c8i',
    cpu: intel,
    ghz: 3.9,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation nested cluster phc secondary idle-350 weightings attachments flexible-queues express',
    rows: `
      large        1   4  650/10000  3600/40000  32  3x20 0.937/12.5       2/6/2 -enclaves -express
      xlarge       2   8 1250/10000  6000/40000  32  4x30 1.875/12.5      4/16/4 -express
      2xlarge      4  16 2500/10000 12000/40000  32  4x30    3.75/15      8/32/8 -express
      4xlarge      8  32 5000/10000 20000/40000  32  8x50     7.5/15     8/64/16 -express
      8xlarge     16  64      10000       40000  32 10x50         15    8/128/32
      12xlarge    24  96      15000       60000  32 12x50       22.5   16/192/64
      16xlarge    32 128      20000       80000  48 16x64         30   16/256/64
      24xlarge    48 192      30000      120000  64 16x64         40  16/384/128 cores=4-48/2 -hibernation
      32xlarge    64 256      40000      160000  88 24x64         50  16/512/128 cores=4-64/2 -hibernation
      48xlarge    96 384      60000      240000 128 24x64         75  32/768/128 cores=6-96/3 -hibernation +efa
      96xlarge   192 768      80000      480000 128 24x64        100 32/1536/128 cores=12-192/6 -hibernation +efa
      metal-48xl  96 384      60000      240000  64 24x64         75  32/768/128 -reboot +attachments +flexible-queues +efa
      metal-96xl 192 768      80000      480000  79 24x64        100 32/1536/128 -reboot +attachments +flexible-queues +efa`,
  },
  {
    name: 'c8a',
    cpu: amd,
    ghz: 4.5,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary idle-350 weightings attachments flexible-queues',
    rows: `
      medium       1   2  325/10000  2500/40000  32   2x4  0.52/12.5      1/3/1 cores=1 -enclaves
      large        2   4  650/10000  3600/40000  32  3x20 0.937/12.5      2/6/2
      xlarge       4   8 1250/10000  6000/40000  32  4x20 1.875/12.5     4/16/4
      2xlarge      8  16 2500/10000 12000/40000  32  4x40    3.75/15     8/32/8
      4xlarge     16  32 5000/10000 20000/40000  32  8x40     7.5/15    8/64/16 cores=1,2,4,6,8,10,12,14,16
      8xlarge     32  64      10000       40000  32 10x40         15   8/128/32 cores=1,2,3,4,8,12,16,20,24,28,32
      12xlarge    48  96      15000       60000  32 12x64       22.5  16/192/64 cores=1,2,3,4,5,6,12,18,24,30,36,42,48
      16xlarge    64 128      20000       80000  48 16x64         30  16/256/64 cores=1,2,3,4,5,6,7,8,16,24,32,40,48,56,64 +express
      24xlarge    96 192      30000      120000  64 16x64         40 16/384/128 cores=1,2,3,4,5,6,7,8,9,10,11,12,24,36,48,60,72,84,96 -hibernation +express
      48xlarge   192 384      60000      240000 128 24x64         75 32/768/128 cores=4,6,8,10,12,14,16,18,20,22,24,48,72,96,120,144,168,192 -hibernation +express +efa
      metal-24xl  96 192      30000      120000  64 16x64         40 16/384/128 -reboot +attachments +flexible-queues +express
      metal-48xl 192 384      60000      240000  79 24x64         75 32/768/128 -reboot +flexible-queues +express +efa`,
  },
  {
    name: 'c8g',
    cpu: graviton,
    ghz: 2.8,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary weightings attachments express',
    rows: `
      medium       1   2  315/10000  2500/40000  32   2x4  0.52/12.5  1 -enclaves -express
      large        2   4  630/10000  3600/40000  32  3x10 0.937/12.5  2 -express
      xlarge       4   8 1250/10000  6000/40000  32  4x15 1.875/12.5  4 -express
      2xlarge      8  16 2500/10000 12000/40000  32  4x15    3.75/15  8 -express
      4xlarge     16  32 5000/10000 20000/40000  32  8x30     7.5/15  8 -express
      8xlarge     32  64      10000       40000  32  8x30         15  8
      12xlarge    48  96      15000       60000  32  8x30       22.5  8
      16xlarge    64 128      20000       80000  48 15x50         30  8
      24xlarge    96 192      30000      120000  64 15x50         40  8 -hibernation +efa
      48xlarge   192 384      40000      240000 128 15x50         50 16 ghz=2.7 cores=4-192/2 -hibernation +efa
      metal-24xl  96 192      30000      120000  39 15x50         40 32 +attachments +efa
      metal-48xl 192 384      40000      240000  79 15x50         50 32 ghz=2.7 +attachments +efa`,
  },
  {
    name: 'c9g',
    cpu: graviton,
    ghz: 3.3,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary idle-350 weightings attachments flexible-queues express',
    rows: `
      medium       1   2  380/12000  2500/48000  32  2x20 0.55/15      1/2/1 -enclaves -express
      large        2   4  760/12000  3600/48000  32  3x20    1/15      2/6/2 -express
      xlarge       4   8 1500/12000  6000/48000  32  4x30  2.1/15     4/16/4 -express
      2xlarge      8  16 3000/12000 12000/48000  32  4x30 4.25/17     8/32/8 -express
      4xlarge     16  32 6000/12000 24000/48000  32  8x50  8.5/17    8/64/16 -express
      8xlarge     32  64      12000       48000  32 10x50      17   8/128/32
      12xlarge    48  96      18000       72000  32 12x50      25  16/192/64
      16xlarge    64 128      24000       96000  48 16x64      34  16/256/64 cores=4-64/2
      24xlarge    96 192      36000      144000  64 24x64      50 16/384/128 -hibernation
      48xlarge   192 384      72000      288000 128 24x64     100 32/768/128 cores=4-192/2 -hibernation +efa
      metal-48xl 192 384      72000      288000  79 24x64     100 32/768/128 -reboot +flexible-queues +efa`,
  },
]
