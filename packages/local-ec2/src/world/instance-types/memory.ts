/** Memory optimized: 8 GiB of memory for a vCPU, or more. */
import { amd, type Family, graviton, intel } from './family.ts'

export const memory: readonly Family[] = [
  {
    name: 'r5',
    cpu: intel,
    ghz: 3.1,
    threadsPerCore: 2,
    has: 'spot hosts recovery reboot tpm enclaves cluster',
    rows: `
      large     1  16  650/4750  3600/18750 27  3x10 0.75/10 8 -enclaves +hibernation
      xlarge    2  32 1150/4750  6000/18750 27  4x15 1.25/10 8 cores=2 +hibernation
      2xlarge   4  64 2300/4750 12000/18750 27  4x15  2.5/10 8 cores=2,4 +hibernation
      4xlarge   8 128      4750       18750 27  8x30    5/10 8 cores=2-8/2 +hibernation
      8xlarge  16 256      6800       30000 27  8x30      10 8 cores=2-16/2
      12xlarge 24 384      9500       40000 27  8x30      12 8 cores=2-24/2
      16xlarge 32 512     13600       60000 27 15x50      20 8 cores=2-32/2
      24xlarge 48 768     19000       80000 27 15x50      25 8 cores=4-48/2
      metal    48 768     19000       80000 31 15x50      25 8`,
  },
  {
    name: 'r6i',
    cpu: intel,
    ghz: 3.5,
    threadsPerCore: 2,
    has: 'spot hosts recovery reboot transit tpm enclaves cluster flexible-queues express',
    rows: `
      large     1   16  650/10000  3600/40000 27  3x10 0.781/12.5    2/6/2 -enclaves -express
      xlarge    2   32 1250/10000  6000/40000 27  4x15 1.562/12.5   4/16/4 -express
      2xlarge   4   64 2500/10000 12000/40000 27  4x15 3.125/12.5   8/32/8 cores=2,4 -express
      4xlarge   8  128 5000/10000 20000/40000 27  8x30  6.25/12.5  8/64/16 cores=2-8/2 -express
      8xlarge  16  256      10000       40000 27  8x30       12.5  8/64/32 cores=2-16/2
      12xlarge 24  384      15000       60000 27  8x30      18.75  8/64/32 cores=2-24/2
      16xlarge 32  512      20000       80000 27 15x50         25 8/120/32 cores=2-32/2
      24xlarge 48  768      30000      120000 27 15x50       37.5 8/120/32 cores=2-48/2
      32xlarge 64 1024      40000      160000 27 15x50         50 8/120/32 cores=2-64/2 +efa
      metal    64 1024      40000      160000 31 15x50         50   8/-/32 +efa`,
  },
  {
    name: 'r6a',
    cpu: amd,
    ghz: 3.6,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster express',
    rows: `
      large     1   16  650/10000  3600/40000 27  3x10 0.781/12.5 2 -enclaves -express +hibernation +sev-snp
      xlarge    2   32 1250/10000  6000/40000 27  4x15 1.562/12.5 4 -express +hibernation +sev-snp
      2xlarge   4   64 2500/10000 12000/40000 27  4x15 3.125/12.5 8 -express +hibernation +sev-snp
      4xlarge   8  128 5000/10000 20000/40000 27  8x30  6.25/12.5 8 -express +hibernation +sev-snp
      8xlarge  16  256      10000       40000 27  8x30       12.5 8 cores=4-16/2 -express
      12xlarge 24  384      15000       60000 27  8x30      18.75 8 cores=1,2,3,4,5,6,7,8,16,24
      16xlarge 32  512      20000       80000 27 15x50         25 8 cores=4,6,8,10,12,14,16,32
      24xlarge 48  768      30000      120000 27 15x50       37.5 8 cores=4,6,8,10,12,14,16,32,48
      32xlarge 64 1024      40000      160000 27 15x50         50 8 cores=8,12,16,20,24,28,32,64
      48xlarge 96 1536      40000      240000 27 15x50         50 8 cores=8,12,16,20,24,28,32,64,96 +efa
      metal    96 1536      40000      240000 31 15x50         50 8 +efa`,
  },
  {
    name: 'r6g',
    cpu: graviton,
    ghz: 2.5,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot tpm enclaves hibernation cluster',
    rows: `
      medium    1   8  315/4750  2500/20000 27   2x4  0.5/10 8 -enclaves
      large     2  16  630/4750  3600/20000 27  3x10 0.75/10 8
      xlarge    4  32 1188/4750  6000/20000 27  4x15 1.25/10 8
      2xlarge   8  64 2375/4750 12000/20000 27  4x15  2.5/10 8
      4xlarge  16 128      4750       20000 27  8x30    5/10 8
      8xlarge  32 256      9500       40000 27  8x30      12 8 -hibernation
      12xlarge 48 384     14250       50000 27  8x30      20 8 -hibernation
      16xlarge 64 512     19000       80000 27 15x50      25 8 -hibernation
      metal    64 512     19000       80000 31 15x50      25 8`,
  },
  {
    name: 'r7i',
    cpu: intel,
    ghz: 3.2,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves nested cluster phc secondary attachments express',
    rows: `
      large       1   16  650/10000  3600/40000  32  3x10 0.781/12.5  2 -enclaves -express +hibernation
      xlarge      2   32 1250/10000  6000/40000  32  4x15 1.562/12.5  4 -express +hibernation
      2xlarge     4   64 2500/10000 12000/40000  32  4x15 3.125/12.5  8 -express +hibernation
      4xlarge     8  128 5000/10000 20000/40000  32  8x30  6.25/12.5  8 -express +hibernation
      8xlarge    16  256      10000       40000  32  8x30       12.5  8 -express
      12xlarge   24  384      15000       60000  32  8x30      18.75  8
      16xlarge   32  512      20000       80000  48 15x50         25  8
      24xlarge   48  768      30000      120000  64 15x50       37.5  8
      48xlarge   96 1536      40000      240000 128 15x50         50 16 cores=4-96/2 -hosts +efa
      metal-24xl 48  768      30000      120000  39 15x50       37.5  8 -hosts +attachments
      metal-48xl 96 1536      40000      240000  79 15x50         50 16 +attachments +efa`,
  },
  {
    name: 'r7a',
    cpu: amd,
    ghz: 3.7,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster phc secondary attachments',
    rows: `
      medium       1    8  325/10000  2500/40000  32   2x4  0.39/12.5  1 -enclaves +hibernation
      large        2   16  650/10000  3600/40000  32  3x10 0.781/12.5  2 -enclaves +hibernation
      xlarge       4   32 1250/10000  6000/40000  32  4x15 1.562/12.5  4 +hibernation
      2xlarge      8   64 2500/10000 12000/40000  32  4x15 3.125/12.5  8 +hibernation
      4xlarge     16  128 5000/10000 20000/40000  32  8x30  6.25/12.5  8 cores=1,2,4,6,8,10,12,14,16 +hibernation
      8xlarge     32  256      10000       40000  32  8x30       12.5  8 cores=1,2,3,4,8,12,16,20,24,28,32
      12xlarge    48  384      15000       60000  32  8x30      18.75  8 cores=1,2,3,4,5,6,12,18,24,30,36,42,48 +express
      16xlarge    64  512      20000       80000  48 15x50         25  8 cores=1,2,3,4,5,6,7,8,16,24,32,40,48,56,64 +express
      24xlarge    96  768      30000      120000  64 15x50       37.5  8 cores=1,2,3,4,5,6,7,8,9,10,11,12,24,36,48,60,72,84,96 +express
      32xlarge   128 1024      40000      160000  88 15x50         50 16 cores=4,6,8,10,12,14,16,32,48,64,80,96,112,128 +express
      48xlarge   192 1536      40000      240000 128 15x50         50 16 cores=4,6,8,10,12,14,16,18,20,22,24,48,72,96,120,144,168,192 +express +efa
      metal-48xl 192 1536      40000      240000  79 15x50         50 16 +attachments +express +efa`,
  },
  {
    name: 'r7g',
    cpu: graviton,
    ghz: 2.6,
    threadsPerCore: 1,
    has: 'spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary',
    rows: `
      medium    1   8  315/10000  2500/40000 27   2x4  0.52/12.5 1 -enclaves
      large     2  16  630/10000  3600/40000 27  3x10 0.937/12.5 2
      xlarge    4  32 1250/10000  6000/40000 27  4x15 1.876/12.5 4 throughput=156.25039999999998
      2xlarge   8  64 2500/10000 12000/40000 27  4x15    3.75/15 8
      4xlarge  16 128 5000/10000 20000/40000 27  8x30     7.5/15 8
      8xlarge  32 256      10000       40000 27  8x30         15 8 -hibernation
      12xlarge 48 384      15000       60000 27  8x30       22.5 8 -hibernation +express
      16xlarge 64 512      20000       80000 27 15x50         30 8 -hibernation +express +efa
      metal    64 512      20000       80000 31 15x50         30 8 +express +efa`,
  },
  {
    name: 'r8i',
    cpu: intel,
    ghz: 3.9,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves nested cluster phc secondary idle-350 weightings attachments flexible-queues express',
    rows: `
      large        1   16  650/10000  3600/40000  32  3x20 0.937/12.5       2/6/2 -enclaves -express +hibernation
      xlarge       2   32 1250/10000  6000/40000  32  4x30 1.875/12.5      4/16/4 -express +hibernation
      2xlarge      4   64 2500/10000 12000/40000  32  4x30    3.75/15      8/32/8 -express +hibernation
      4xlarge      8  128 5000/10000 20000/40000  32  8x50     7.5/15     8/64/16 -express +hibernation
      8xlarge     16  256      10000       40000  32 10x50         15    8/128/32
      12xlarge    24  384      15000       60000  32 12x50       22.5   16/192/64
      16xlarge    32  512      20000       80000  48 16x64         30   16/256/64
      24xlarge    48  768      30000      120000  64 16x64         40  16/384/128 cores=4-48/2
      32xlarge    64 1024      40000      160000  88 24x64         50  16/512/128 cores=4-64/2
      48xlarge    96 1536      60000      240000 128 24x64         75  32/768/128 cores=6-96/3 +efa
      96xlarge   192 3072      80000      480000 128 24x64        100 32/1536/128 cores=12-192/6 +efa
      metal-48xl  96 1536      60000      240000  64 24x64         75  32/768/128 -reboot +attachments +flexible-queues +efa
      metal-96xl 192 3072      80000      480000  79 24x64        100 32/1536/128 -reboot +attachments +flexible-queues +efa`,
  },
  {
    name: 'r8a',
    cpu: amd,
    ghz: 4.5,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster phc secondary idle-350 weightings attachments flexible-queues',
    rows: `
      medium       1    8  325/10000  2500/40000  32   2x4  0.52/12.5      1/3/1 cores=1 -enclaves +hibernation
      large        2   16  650/10000  3600/40000  32  3x20 0.937/12.5      2/6/2 +hibernation
      xlarge       4   32 1250/10000  6000/40000  32  4x20 1.875/12.5     4/16/4 +hibernation
      2xlarge      8   64 2500/10000 12000/40000  32  4x40    3.75/15     8/32/8 +hibernation
      4xlarge     16  128 5000/10000 20000/40000  32  8x40     7.5/15    8/64/16 cores=1,2,4,6,8,10,12,14,16 +hibernation
      8xlarge     32  256      10000       40000  32 10x40         15   8/128/32 cores=1,2,3,4,8,12,16,20,24,28,32
      12xlarge    48  384      15000       60000  32 12x64       22.5  16/192/64 cores=1,2,3,4,5,6,12,18,24,30,36,42,48
      16xlarge    64  512      20000       80000  48 16x64         30  16/256/64 cores=1,2,3,4,5,6,7,8,16,24,32,40,48,56,64 +express
      24xlarge    96  768      30000      120000  64 16x64         40 16/384/128 cores=1,2,3,4,5,6,7,8,9,10,11,12,24,36,48,60,72,84,96 +express
      48xlarge   192 1536      60000      240000 128 24x64         75 32/768/128 cores=4,6,8,10,12,14,16,18,20,22,24,48,72,96,120,144,168,192 +express +efa
      metal-24xl  96  768      30000      120000  64 16x64         40 16/384/128 -reboot +attachments +flexible-queues +express
      metal-48xl 192 1536      60000      240000  79 24x64         75 32/768/128 -reboot +flexible-queues +express +efa`,
  },
  {
    name: 'r8g',
    cpu: graviton,
    ghz: 2.8,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster phc secondary weightings attachments express',
    rows: `
      medium       1    8  315/10000  2500/40000  32   2x4  0.52/12.5  1 -enclaves -express +hibernation
      large        2   16  630/10000  3600/40000  32  3x10 0.937/12.5  2 -express +hibernation
      xlarge       4   32 1250/10000  6000/40000  32  4x15 1.875/12.5  4 -express +hibernation
      2xlarge      8   64 2500/10000 12000/40000  32  4x15    3.75/15  8 -express +hibernation
      4xlarge     16  128 5000/10000 20000/40000  32  8x30     7.5/15  8 -express +hibernation
      8xlarge     32  256      10000       40000  32  8x30         15  8
      12xlarge    48  384      15000       60000  32  8x30       22.5  8
      16xlarge    64  512      20000       80000  48 15x50         30  8
      24xlarge    96  768      30000      120000  64 15x50         40  8 +efa
      48xlarge   192 1536      40000      240000 128 15x50         50 16 ghz=2.7 cores=4-192/2 +efa
      metal-24xl  96  768      30000      120000  39 15x50         40 32 +attachments +efa
      metal-48xl 192 1536      40000      240000  79 15x50         50 32 ghz=2.7 +attachments +efa`,
  },
  {
    name: 'r9g',
    cpu: graviton,
    ghz: 3.3,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster phc secondary idle-350 weightings attachments flexible-queues express',
    rows: `
      medium       1    8  380/12000  2500/48000  32  2x20 0.55/15      1/2/1 -enclaves -express +hibernation
      large        2   16  760/12000  3600/48000  32  3x20    1/15      2/6/2 -express +hibernation
      xlarge       4   32 1500/12000  6000/48000  32  4x30  2.1/15     4/16/4 -express +hibernation
      2xlarge      8   64 3000/12000 12000/48000  32  4x30 4.25/17     8/32/8 -express +hibernation
      4xlarge     16  128 6000/12000 24000/48000  32  8x50  8.5/17    8/64/16 -express +hibernation
      8xlarge     32  256      12000       48000  32 10x50      17   8/128/32
      12xlarge    48  384      18000       72000  32 12x50      25  16/192/64
      16xlarge    64  512      24000       96000  48 16x64      34  16/256/64 cores=4-64/2
      24xlarge    96  768      36000      144000  64 24x64      50 16/384/128
      48xlarge   192 1536      72000      288000 128 24x64     100 32/768/128 cores=4-192/2 +efa
      metal-48xl 192 1536      72000      288000  79 24x64     100 32/768/128 -reboot +flexible-queues +efa`,
  },
  {
    name: 'x2idn',
    cpu: intel,
    ghz: 3.5,
    threadsPerCore: 2,
    has: 'current spot hosts recovery transit tpm enclaves cluster express',
    rows: `
      16xlarge 32 1024 40000 173333 26 15x50  50 16 ssd=1x1900 cores=2-32/2
      24xlarge 48 1536 60000 260000 25 15x50  75 16 ssd=2x1425 cores=2-48/2
      32xlarge 64 2048 80000 260000 25 15x50 100 16 ssd=2x1900 cores=2-64/2 +efa
      metal    64 2048 80000 260000 31 15x50 100 32 ssd=2x1900 +efa`,
  },
  {
    name: 'x2gd',
    cpu: graviton,
    ghz: 2.5,
    threadsPerCore: 1,
    has: 'current spot hosts enclaves cluster',
    rows: `
      medium    1   16  315/4750  2500/20000 26   2x4  0.5/10  8 ssd=1x59 -enclaves +hibernation
      large     2   32  630/4750  3600/20000 26  3x10 0.75/10  8 ssd=1x118 +hibernation
      xlarge    4   64 1188/4750  6000/20000 26  4x15 1.25/10  8 ssd=1x237 +hibernation
      2xlarge   8  128 2375/4750 12000/20000 26  4x15  2.5/10  8 ssd=1x475 +hibernation
      4xlarge  16  256      4750       20000 26  8x30    5/10  8 ssd=1x950
      8xlarge  32  512      9500       40000 26  8x30      12  8 ssd=1x1900
      12xlarge 48  768     14250       60000 25  8x30      20  8 ssd=2x1425
      16xlarge 64 1024     19000       80000 25 15x50      25  8 ssd=2x1900
      metal    64 1024     19000       80000 31 15x50      25 32 ssd=2x1900`,
  },
  {
    name: 'x2iezn',
    cpu: intel,
    ghz: 4.5,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster',
    rows: `
      2xlarge   4  256  3170 13333 27  4x15 12.5/25  8 cores=2,4
      4xlarge   8  512  4750 20000 27  8x30   15/25 32 cores=2-8/2
      6xlarge  12  768  9500 40000 27  8x30      50 32 cores=2-12/2
      8xlarge  16 1024 12000 55000 27  8x30      75 32 cores=2-16/2
      12xlarge 24 1536 19000 80000 27 15x50     100 32 cores=2-24/2 +efa
      metal    24 1536 19000 80000 31 15x50     100 32 +efa`,
  },
]
