/** General purpose: as much memory as usual, and what may burst. */
import { amd, type Family, graviton, intel } from './family.ts'

export const general: readonly Family[] = [
  {
    name: 'a1',
    cpu: graviton,
    ghz: 2.3,
    threadsPerCore: 1,
    has: 'spot hosts recovery reboot cluster',
    rows: `
      medium   1  2  300/3500  2500/20000 27  2x4  0.5/10 8
      large    2  4  525/3500  4000/20000 27 3x10 0.75/10 8 cores=fixed
      xlarge   4  8  800/3500  6000/20000 27 4x15 1.25/10 8 cores=fixed
      2xlarge  8 16 1750/3500 10000/20000 27 4x15  2.5/10 8 cores=fixed
      4xlarge 16 32      3500       20000 27 8x30    5/10 8 cores=fixed
      metal   16 32      3500       20000 31 8x30    5/10 8`,
  },
  {
    name: 't2',
    cpu: intel,
    ghz: 2.3,
    threadsPerCore: 1,
    xen: 'unsupported',
    has: 'current spot burst recovery reboot hibernation i386',
    rows: `
      nano    1 0.5 - - 40  2x2 0.032/0.512 1 ghz=2.4 network=Low_to_Moderate -spot
      micro   1   1 - - 40  2x2 0.064/1.024 1 ghz=2.5 network=Low_to_Moderate
      small   1   2 - - 40  3x4 0.128/1.024 1 ghz=2.5 network=Low_to_Moderate
      medium  2   4 - - 40  3x6 0.256/1.024 1 cores=fixed network=Low_to_Moderate
      large   2   8 - - 40 3x12 0.512/1.024 1 cores=fixed network=Low_to_Moderate -i386
      xlarge  4  16 - - 40 3x15  0.75/1.024 1 cores=fixed network=Moderate -i386
      2xlarge 8  32 - - 40 3x15     1/1.024 1 cores=fixed network=Moderate -i386`,
  },
  {
    name: 't3',
    cpu: intel,
    ghz: 2.5,
    threadsPerCore: 2,
    has: 'current spot burst hosts recovery reboot tpm hibernation',
    rows: `
      nano    1 0.5  43/2085  250/11800 27  2x2 0.032/5 2
      micro   1   1  87/2085  500/11800 27  2x2 0.064/5 2 +free
      small   1   2 174/2085 1000/11800 27  3x4 0.128/5 2 +free
      medium  1   4 347/2085 2000/11800 27  3x6 0.256/5 2
      large   1   8 695/2780 4000/15700 27 3x12 0.512/5 2
      xlarge  2  16 695/2780 4000/15700 27 4x15 1.024/5 4 cores=2
      2xlarge 4  32 695/2780 4000/15700 27 4x15 2.048/5 8 cores=2,4`,
  },
  {
    name: 't3a',
    cpu: amd,
    ghz: 2.2,
    threadsPerCore: 2,
    has: 'current spot burst recovery reboot tpm hibernation',
    rows: `
      nano    1 0.5  45/2085  250/11800 27  2x2 0.032/5 8
      micro   1   1  90/2085  500/11800 27  2x2 0.064/5 8
      small   1   2 175/2085 1000/11800 27  2x4 0.128/5 8
      medium  1   4 350/2085 2000/11800 27  3x6 0.256/5 8
      large   1   8 695/2780 4000/15700 27 3x12 0.512/5 8
      xlarge  2  16 695/2780 4000/15700 27 4x15 1.024/5 8 cores=2
      2xlarge 4  32 695/2780 4000/15700 27 4x15 2.048/5 8 cores=2,4`,
  },
  {
    name: 't4g',
    cpu: graviton,
    ghz: 2.5,
    threadsPerCore: 1,
    has: 'current spot burst recovery reboot tpm hibernation',
    rows: `
      nano    2 0.5  43/2085  250/11800 27  2x2 0.032/5 2
      micro   2   1  87/2085  500/11800 27  2x2 0.064/5 2 +free
      small   2   2 174/2085 1000/11800 27  3x4 0.128/5 2 +free
      medium  2   4 347/2085 2000/11800 27  3x6 0.256/5 2
      large   2   8 695/2780 4000/15700 27 3x12 0.512/5 2
      xlarge  4  16 695/2780 4000/15700 27 4x15 1.024/5 4
      2xlarge 8  32 695/2780 4000/15700 27 4x15 2.048/5 8`,
  },
  {
    name: 'm5',
    cpu: intel,
    ghz: 3.1,
    threadsPerCore: 2,
    has: 'spot hosts recovery reboot tpm enclaves hibernation cluster',
    rows: `
      large     1   8  650/4750  3600/18750 27  3x10 0.75/10 8 -enclaves
      xlarge    2  16 1150/4750  6000/18750 27  4x15 1.25/10 8 cores=2
      2xlarge   4  32 2300/4750 12000/18750 27  4x15  2.5/10 8 cores=2,4
      4xlarge   8  64      4750       18750 27  8x30    5/10 8 cores=2-8/2
      8xlarge  16 128      6800       30000 27  8x30      10 8 cores=2-16/2
      12xlarge 24 192      9500       40000 27  8x30      12 8 cores=2-24/2 -hibernation
      16xlarge 32 256     13600       60000 27 15x50      20 8 cores=2-32/2 -hibernation
      24xlarge 48 384     19000       80000 27 15x50      25 8 cores=4-48/2 -hibernation
      metal    48 384     19000       80000 31 15x50      25 8`,
  },
  {
    name: 'm5d',
    cpu: intel,
    ghz: 3.1,
    threadsPerCore: 2,
    has: 'current spot hosts tpm enclaves hibernation cluster',
    rows: `
      large     1   8  650/4750  3600/18750 26  3x10 0.75/10 8 ssd=1x75 -enclaves
      xlarge    2  16 1150/4750  6000/18750 26  4x15 1.25/10 8 ssd=1x150 cores=2
      2xlarge   4  32 2300/4750 12000/18750 26  4x15  2.5/10 8 ssd=1x300 cores=2,4
      4xlarge   8  64      4750       18750 25  8x30    5/10 8 ssd=2x300 cores=2-8/2
      8xlarge  16 128      6800       30000 25  8x30      10 8 ssd=2x600 cores=2-16/2
      12xlarge 24 192      9500       40000 25  8x30      12 8 ssd=2x900 cores=2-24/2 -hibernation
      16xlarge 32 256     13600       60000 23 15x50      20 8 ssd=4x600 cores=2-32/2 -hibernation
      24xlarge 48 384     19000       80000 23 15x50      25 8 ssd=4x900 cores=4-48/2 -hibernation
      metal    48 384     19000       80000 31 15x50      25 8 ssd=4x900`,
  },
  {
    name: 'm5n',
    cpu: intel,
    ghz: 3.1,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster',
    rows: `
      large     1   8  650/4750  3600/18750 27  3x10   2.1/25  8 -enclaves
      xlarge    2  16 1150/4750  6000/18750 27  4x15   4.1/25  8
      2xlarge   4  32 2300/4750 12000/18750 27  4x15 8.125/25  8 cores=2,4
      4xlarge   8  64      4750       18750 27  8x30 16.25/25 32 cores=2-8/2
      8xlarge  16 128      6800       30000 27  8x30       25 32 cores=2-16/2
      12xlarge 24 192      9500       40000 27  8x30       50 32 cores=2-24/2
      16xlarge 32 256     13600       60000 27 15x50       75 32 cores=2-32/2
      24xlarge 48 384     19000       80000 27 15x50      100 32 cores=2-48/2 +efa
      metal    48 384     19000       80000 31 15x50      100 32 +efa`,
  },
  {
    name: 'm6i',
    cpu: intel,
    ghz: 3.5,
    threadsPerCore: 2,
    has: 'spot hosts recovery reboot transit tpm enclaves hibernation cluster flexible-queues express',
    rows: `
      large     1   8  650/10000  3600/40000 27  3x10 0.781/12.5    2/6/2 -enclaves -express
      xlarge    2  16 1250/10000  6000/40000 27  4x15 1.562/12.5   4/16/4 -express
      2xlarge   4  32 2500/10000 12000/40000 27  4x15 3.125/12.5   8/32/8 cores=2,4 -express
      4xlarge   8  64 5000/10000 20000/40000 27  8x30  6.25/12.5  8/64/16 cores=2-8/2 -express
      8xlarge  16 128      10000       40000 27  8x30       12.5  8/64/32 cores=2-16/2
      12xlarge 24 192      15000       60000 27  8x30      18.75  8/64/32 cores=2-24/2 -hibernation
      16xlarge 32 256      20000       80000 27 15x50         25 8/120/32 cores=2-32/2 -hibernation
      24xlarge 48 384      30000      120000 27 15x50       37.5 8/120/32 cores=2-48/2 -hibernation
      32xlarge 64 512      40000      160000 27 15x50         50 8/120/32 cores=2-64/2 -hibernation +efa
      metal    64 512      40000      160000 31 15x50         50   8/-/32 +efa`,
  },
  {
    name: 'm6a',
    cpu: amd,
    ghz: 3.6,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves cluster express',
    rows: `
      large     1   8  650/10000  3600/40000 27  3x10 0.781/12.5 2 -enclaves -express +hibernation +sev-snp
      xlarge    2  16 1250/10000  6000/40000 27  4x15 1.562/12.5 4 -express +hibernation +sev-snp
      2xlarge   4  32 2500/10000 12000/40000 27  4x15 3.125/12.5 8 -express +hibernation +sev-snp
      4xlarge   8  64 5000/10000 20000/40000 27  8x30  6.25/12.5 8 -express +hibernation +sev-snp
      8xlarge  16 128      10000       40000 27  8x30       12.5 8 cores=4-16/2 -express +hibernation +sev-snp
      12xlarge 24 192      15000       60000 27  8x30      18.75 8 cores=1,2,3,4,5,6,7,8,16,24
      16xlarge 32 256      20000       80000 27 15x50         25 8 cores=4,6,8,10,12,14,16,32
      24xlarge 48 384      30000      120000 27 15x50       37.5 8 cores=4,6,8,10,12,14,16,32,48
      32xlarge 64 512      40000      160000 27 15x50         50 8 cores=8,12,16,20,24,28,32,64
      48xlarge 96 768      40000      240000 27 15x50         50 8 cores=8,12,16,20,24,28,32,64,96 +efa
      metal    96 768      40000      240000 31 15x50         50 8 +efa`,
  },
  {
    name: 'm6g',
    cpu: graviton,
    ghz: 2.5,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot tpm enclaves hibernation cluster',
    rows: `
      medium    1   4  315/4750  2500/20000 27   2x4  0.5/10 8 -enclaves
      large     2   8  630/4750  3600/20000 27  3x10 0.75/10 8
      xlarge    4  16 1188/4750  6000/20000 27  4x15 1.25/10 8
      2xlarge   8  32 2375/4750 12000/20000 27  4x15  2.5/10 8
      4xlarge  16  64      4750       20000 27  8x30    5/10 8
      8xlarge  32 128      9500       40000 27  8x30      12 8
      12xlarge 48 192     14250       50000 27  8x30      20 8 -hibernation
      16xlarge 64 256     19000       80000 27 15x50      25 8 -hibernation
      metal    64 256     19000       80000 31 15x50      25 8`,
  },
  {
    name: 'm7i',
    cpu: intel,
    ghz: 3.2,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation nested cluster phc secondary attachments express',
    rows: `
      large       1   8  650/10000  3600/40000  32  3x10 0.781/12.5  2 -enclaves -express
      xlarge      2  16 1250/10000  6000/40000  32  4x15 1.562/12.5  4 -express
      2xlarge     4  32 2500/10000 12000/40000  32  4x15 3.125/12.5  8 -express
      4xlarge     8  64 5000/10000 20000/40000  32  8x30  6.25/12.5  8 -express
      8xlarge    16 128      10000       40000  32  8x30       12.5  8 -express
      12xlarge   24 192      15000       60000  32  8x30      18.75  8 -hibernation
      16xlarge   32 256      20000       80000  48 15x50         25  8 -hibernation
      24xlarge   48 384      30000      120000  64 15x50       37.5  8 -hosts -hibernation
      48xlarge   96 768      40000      240000 128 15x50         50 16 cores=4-96/2 -hosts -hibernation +efa
      metal-24xl 48 384      30000      120000  39 15x50       37.5  8 -hosts +attachments
      metal-48xl 96 768      40000      240000  79 15x50         50 16 +attachments +efa`,
  },
  {
    name: 'm7i-flex',
    cpu: intel,
    ghz: 3.2,
    threadsPerCore: 2,
    has: 'current spot recovery reboot transit tpm hibernation nested phc secondary attachments',
    rows: `
      large     1   8   312/10000  2500/40000 32  3x10   0.39/12.5 1 throughput=39.0625 +free
      xlarge    2  16   625/10000  3600/40000 32  4x15  0.781/12.5 2
      2xlarge   4  32  1250/10000  6000/40000 32  4x15  1.562/12.5 4
      4xlarge   8  64  2500/10000 12000/40000 32  8x30  3.125/12.5 4
      8xlarge  16 128  5000/10000 20000/40000 32  8x30   6.25/12.5 4
      12xlarge 24 192  7500/15000 30000/60000 32  8x30 9.375/18.75 4
      16xlarge 32 256 10000/20000 40000/80000 48 15x50     12.5/25 4`,
  },
  {
    name: 'm7a',
    cpu: amd,
    ghz: 3.7,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary attachments',
    rows: `
      medium       1   4  325/10000  2500/40000  32   2x4  0.39/12.5  1 -enclaves
      large        2   8  650/10000  3600/40000  32  3x10 0.781/12.5  2 -enclaves
      xlarge       4  16 1250/10000  6000/40000  32  4x15 1.562/12.5  4
      2xlarge      8  32 2500/10000 12000/40000  32  4x15 3.125/12.5  8
      4xlarge     16  64 5000/10000 20000/40000  32  8x30  6.25/12.5  8 cores=1,2,4,6,8,10,12,14,16
      8xlarge     32 128      10000       40000  32  8x30       12.5  8 cores=1,2,3,4,8,12,16,20,24,28,32
      12xlarge    48 192      15000       60000  32  8x30      18.75  8 cores=1,2,3,4,5,6,12,18,24,30,36,42,48 -hibernation +express
      16xlarge    64 256      20000       80000  48 15x50         25  8 cores=1,2,3,4,5,6,7,8,16,24,32,40,48,56,64 -hibernation +express
      24xlarge    96 384      30000      120000  64 15x50       37.5  8 cores=1,2,3,4,5,6,7,8,9,10,11,12,24,36,48,60,72,84,96 -hibernation +express
      32xlarge   128 512      40000      160000  88 15x50         50 16 cores=4,6,8,10,12,14,16,32,48,64,80,96,112,128 -hibernation +express
      48xlarge   192 768      40000      240000 128 15x50         50 16 cores=4,6,8,10,12,14,16,18,20,22,24,48,72,96,120,144,168,192 -hibernation +express +efa
      metal-48xl 192 768      40000      240000  79 15x50         50 16 +attachments +express +efa`,
  },
  {
    name: 'm7g',
    cpu: graviton,
    ghz: 2.6,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary',
    rows: `
      medium    1   4  315/10000  2500/40000 27   2x4  0.52/12.5 1 -enclaves
      large     2   8  630/10000  3600/40000 27  3x10 0.937/12.5 2
      xlarge    4  16 1250/10000  6000/40000 27  4x15 1.876/12.5 4 throughput=156.25039999999998
      2xlarge   8  32 2500/10000 12000/40000 27  4x15    3.75/15 8
      4xlarge  16  64 5000/10000 20000/40000 27  8x30     7.5/15 8
      8xlarge  32 128      10000       40000 27  8x30         15 8
      12xlarge 48 192      15000       60000 27  8x30       22.5 8 -hibernation +express
      16xlarge 64 256      20000       80000 27 15x50         30 8 -hibernation +express +efa
      metal    64 256      20000       80000 31 15x50         30 8 +express +efa`,
  },
  {
    name: 'm8i',
    cpu: intel,
    ghz: 3.9,
    threadsPerCore: 2,
    has: 'current spot hosts recovery reboot transit tpm enclaves nested cluster phc secondary idle-350 weightings attachments flexible-queues express',
    rows: `
      large        1    8  650/10000  3600/40000  32  3x20 0.937/12.5       2/6/2 -enclaves -express +hibernation
      xlarge       2   16 1250/10000  6000/40000  32  4x30 1.875/12.5      4/16/4 -express +hibernation
      2xlarge      4   32 2500/10000 12000/40000  32  4x30    3.75/15      8/32/8 -express +hibernation
      4xlarge      8   64 5000/10000 20000/40000  32  8x50     7.5/15     8/64/16 -express +hibernation
      8xlarge     16  128      10000       40000  32 10x50         15    8/128/32 +hibernation
      12xlarge    24  192      15000       60000  32 12x50       22.5   16/192/64
      16xlarge    32  256      20000       80000  48 16x64         30   16/256/64
      24xlarge    48  384      30000      120000  64 16x64         40  16/384/128 cores=4-48/2
      32xlarge    64  512      40000      160000  88 24x64         50  16/512/128 cores=4-64/2
      48xlarge    96  768      60000      240000 128 24x64         75  32/768/128 cores=6-96/3 +efa
      96xlarge   192 1536      80000      480000 128 24x64        100 32/1536/128 cores=12-192/6 +efa
      metal-48xl  96  768      60000      240000  64 24x64         75  32/768/128 -reboot +attachments +flexible-queues +efa
      metal-96xl 192 1536      80000      480000  79 24x64        100 32/1536/128 -reboot +attachments +flexible-queues +efa`,
  },
  {
    name: 'm8a',
    cpu: amd,
    ghz: 4.5,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary idle-350 weightings attachments flexible-queues',
    rows: `
      medium       1   4  325/10000  2500/40000  32   2x4  0.52/12.5      1/3/1 cores=1 -enclaves
      large        2   8  650/10000  3600/40000  32  3x20 0.937/12.5      2/6/2
      xlarge       4  16 1250/10000  6000/40000  32  4x20 1.875/12.5     4/16/4
      2xlarge      8  32 2500/10000 12000/40000  32  4x40    3.75/15     8/32/8
      4xlarge     16  64 5000/10000 20000/40000  32  8x40     7.5/15    8/64/16 cores=1,2,4,6,8,10,12,14,16
      8xlarge     32 128      10000       40000  32 10x40         15   8/128/32 cores=1,2,3,4,8,12,16,20,24,28,32
      12xlarge    48 192      15000       60000  32 12x64       22.5  16/192/64 cores=1,2,3,4,5,6,12,18,24,30,36,42,48 -hibernation
      16xlarge    64 256      20000       80000  48 16x64         30  16/256/64 cores=1,2,3,4,5,6,7,8,16,24,32,40,48,56,64 -hibernation +express
      24xlarge    96 384      30000      120000  64 16x64         40 16/384/128 cores=1,2,3,4,5,6,7,8,9,10,11,12,24,36,48,60,72,84,96 -hibernation +express
      48xlarge   192 768      60000      240000 128 24x64         75 32/768/128 cores=4,6,8,10,12,14,16,18,20,22,24,48,72,96,120,144,168,192 -hibernation +express +efa
      metal-24xl  96 384      30000      120000  64 16x64         40 16/384/128 -reboot +attachments +flexible-queues +express
      metal-48xl 192 768      60000      240000  79 24x64         75 32/768/128 -reboot +flexible-queues +express +efa`,
  },
  {
    name: 'm8g',
    cpu: graviton,
    ghz: 2.8,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary weightings attachments express',
    rows: `
      medium       1   4  315/10000  2500/40000  32   2x4  0.52/12.5  1 -enclaves -express
      large        2   8  630/10000  3600/40000  32  3x10 0.937/12.5  2 -express
      xlarge       4  16 1250/10000  6000/40000  32  4x15 1.875/12.5  4 -express
      2xlarge      8  32 2500/10000 12000/40000  32  4x15    3.75/15  8 -express
      4xlarge     16  64 5000/10000 20000/40000  32  8x30     7.5/15  8 -express
      8xlarge     32 128      10000       40000  32  8x30         15  8
      12xlarge    48 192      15000       60000  32  8x30       22.5  8 -hibernation
      16xlarge    64 256      20000       80000  48 15x50         30  8 -hibernation
      24xlarge    96 384      30000      120000  64 15x50         40  8 -hibernation +efa
      48xlarge   192 768      40000      240000 128 15x50         50 16 ghz=2.7 cores=4-192/2 -hibernation +efa
      metal-24xl  96 384      30000      120000  39 15x50         40 32 +attachments +efa
      metal-48xl 192 768      40000      240000  79 15x50         50 32 ghz=2.7 +attachments +efa`,
  },
  {
    name: 'm9g',
    cpu: graviton,
    ghz: 3.3,
    threadsPerCore: 1,
    has: 'current spot hosts recovery reboot transit tpm enclaves hibernation cluster phc secondary idle-350 weightings attachments flexible-queues express',
    rows: `
      medium       1   4  380/12000  2500/48000  32  2x20 0.55/15      1/2/1 -enclaves -express
      large        2   8  760/12000  3600/48000  32  3x20    1/15      2/6/2 -express
      xlarge       4  16 1500/12000  6000/48000  32  4x30  2.1/15     4/16/4 -express
      2xlarge      8  32 3000/12000 12000/48000  32  4x30 4.25/17     8/32/8 -express
      4xlarge     16  64 6000/12000 24000/48000  32  8x50  8.5/17    8/64/16 -express
      8xlarge     32 128      12000       48000  32 10x50      17   8/128/32
      12xlarge    48 192      18000       72000  32 12x50      25  16/192/64 -hibernation
      16xlarge    64 256      24000       96000  48 16x64      34  16/256/64 cores=4-64/2 -hibernation
      24xlarge    96 384      36000      144000  64 24x64      50 16/384/128 -hibernation
      48xlarge   192 768      72000      288000 128 24x64     100 32/768/128 cores=4-192/2 -hibernation +efa
      metal-48xl 192 768      72000      288000  79 24x64     100 32/768/128 -reboot +flexible-queues +efa`,
  },
]
