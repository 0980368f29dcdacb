declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 6
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 7
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 8
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 9
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 10
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 11
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 12
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr i64, ptr %rec, i64 2
  %v16 = load i64, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr ptr, ptr %slots, i64 %v16
  %v18 = load ptr, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr i64, ptr %rec, i64 5
  %v20 = load i64, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr ptr, ptr %slots, i64 %v20
  %v22 = load ptr, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr i64, ptr %rec, i64 1
  %v24 = load i64, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr %rec, i64 0
  %v26 = load i64, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr i64, ptr %rec, i64 4
  %v28 = load i64, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 3
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = mul i64 %v12, %v10
  %v32 = add i64 %v31, 16
  %v33 = alloca float, i64 %v32, align 64
  %v34 = mul i64 %begin, %v2
  %v35 = mul i64 %end, %v2
  %v36 = icmp slt i64 %v35, %v4
  %v37 = select i1 %v36, i64 %v35, i64 %v4
  %v38 = icmp slt i64 %v34, %v37
  br i1 %v38, label %start3, label %finished2
start3:
  br label %unit1
unit1:
  %p39 = phi i64 [%v34, %start3], [%v227, %end15]
  %p40 = phi i64 [%v34, %start3], [%v228, %end15]
  %v41 = mul i64 %p40, %v26
  %v42 = add i64 %v24, %v41
  %v43 = mul i64 %p40, %v30
  %v44 = add i64 %v28, %v43
  %v45 = sub i64 %v10, 0
  %v46 = and i64 %v45, -16
  %v47 = icmp slt i64 0, %v46
  br i1 %v47, label %loop4, label %done5
loop4:
  %p48 = phi i64 [0, %unit1], [%v59, %loop4]
  %p49 = phi <16 x float> [<float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000>, %unit1], [%v56, %loop4]
  %v50 = add i64 %v42, %p48
  %v51 = getelementptr float, ptr %v18, i64 %v50
  %v52 = load <16 x float>, ptr %v51, align 4
  %v53 = fcmp ogt <16 x float> %v52, %p49
  %v54 = select <16 x i1> %v53, <16 x float> %v52, <16 x float> %p49
  %v55 = fcmp uno <16 x float> %v52, %v52
  %v56 = select <16 x i1> %v55, <16 x float> %v52, <16 x float> %v54
  %v57 = add i64 %p48, 16
  %v58 = icmp slt i64 %v57, %v46
  %v59 = call i64 asm "", "=r,0"(i64 %v57)
  br i1 %v58, label %loop4, label %done5
done5:
  %p60 = phi <16 x float> [<float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000>, %unit1], [%v56, %loop4]
  %v61 = icmp slt i64 %v46, %v10
  br i1 %v61, label %tail6, label %end7
tail6:
  %v62 = sub i64 %v10, %v46
  %v63 = trunc i64 %v62 to i32
  %v64 = insertelement <16 x i32> poison, i32 %v63, i64 0
  %v65 = shufflevector <16 x i32> %v64, <16 x i32> poison, <16 x i32> zeroinitializer
  %v66 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v65
  %v67 = add i64 %v42, %v46
  %v68 = getelementptr float, ptr %v18, i64 %v67
  %v69 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v68, i32 4, <16 x i1> %v66, <16 x float> zeroinitializer)
  %v70 = fcmp ogt <16 x float> %v69, %p60
  %v71 = select <16 x i1> %v70, <16 x float> %v69, <16 x float> %p60
  %v72 = fcmp uno <16 x float> %v69, %v69
  %v73 = select <16 x i1> %v72, <16 x float> %v69, <16 x float> %v71
  %v74 = select <16 x i1> %v66, <16 x float> %v73, <16 x float> %p60
  br label %end7
end7:
  %p75 = phi <16 x float> [%p60, %done5], [%v74, %tail6]
  %v76 = shufflevector <16 x float> %p75, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v77 = shufflevector <16 x float> %p75, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v78 = fcmp ogt <8 x float> %v77, %v76
  %v79 = select <8 x i1> %v78, <8 x float> %v77, <8 x float> %v76
  %v80 = fcmp uno <8 x float> %v77, %v77
  %v81 = select <8 x i1> %v80, <8 x float> %v77, <8 x float> %v79
  %v82 = shufflevector <8 x float> %v81, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v83 = shufflevector <8 x float> %v81, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v84 = fcmp ogt <4 x float> %v83, %v82
  %v85 = select <4 x i1> %v84, <4 x float> %v83, <4 x float> %v82
  %v86 = fcmp uno <4 x float> %v83, %v83
  %v87 = select <4 x i1> %v86, <4 x float> %v83, <4 x float> %v85
  %v88 = shufflevector <4 x float> %v87, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v89 = shufflevector <4 x float> %v87, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v90 = fcmp ogt <2 x float> %v89, %v88
  %v91 = select <2 x i1> %v90, <2 x float> %v89, <2 x float> %v88
  %v92 = fcmp uno <2 x float> %v89, %v89
  %v93 = select <2 x i1> %v92, <2 x float> %v89, <2 x float> %v91
  %v94 = extractelement <2 x float> %v93, i64 0
  %v95 = extractelement <2 x float> %v93, i64 1
  %v96 = fcmp ogt float %v95, %v94
  %v97 = select i1 %v96, float %v95, float %v94
  %v98 = fcmp uno float %v95, %v95
  %v99 = select i1 %v98, float %v95, float %v97
  %v100 = sub i64 %v10, 0
  %v101 = and i64 %v100, -16
  %v102 = icmp slt i64 0, %v101
  br i1 %v102, label %loop8, label %done9
loop8:
  %p103 = phi i64 [0, %end7], [%v141, %loop8]
  %p104 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %end7], [%v138, %loop8]
  %v105 = add i64 %v42, %p103
  %v106 = getelementptr float, ptr %v18, i64 %v105
  %v107 = load <16 x float>, ptr %v106, align 4
  %v108 = insertelement <16 x float> poison, float %v99, i64 0
  %v109 = shufflevector <16 x float> %v108, <16 x float> poison, <16 x i32> zeroinitializer
  %v110 = fsub <16 x float> %v107, %v109
  %v111 = fcmp olt <16 x float> %v110, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v112 = fcmp olt <16 x float> %v110, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v113 = select <16 x i1> %v112, <16 x float> <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>, <16 x float> %v110
  %v114 = fcmp ogt <16 x float> %v113, <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>
  %v115 = select <16 x i1> %v114, <16 x float> <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>, <16 x float> %v113
  %v116 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v115, <16 x float> <float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000>, <16 x float> <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>)
  %v117 = fsub <16 x float> %v116, <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>
  %v118 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v117, <16 x float> <float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000>, <16 x float> %v115)
  %v119 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v117, <16 x float> <float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000>, <16 x float> %v118)
  %v120 = fmul <16 x float> %v119, %v119
  %v121 = call <16 x float> @llvm.fma.v16f32(<16 x float> <float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000>, <16 x float> %v119, <16 x float> <float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000>)
  %v122 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v121, <16 x float> %v119, <16 x float> <float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000>)
  %v123 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v122, <16 x float> %v119, <16 x float> <float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000>)
  %v124 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v123, <16 x float> %v119, <16 x float> <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>)
  %v125 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v120, <16 x float> %v124, <16 x float> %v119)
  %v126 = fadd <16 x float> %v125, <float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000>
  %v127 = bitcast <16 x float> %v116 to <16 x i32>
  %v128 = ashr <16 x i32> %v127, <i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1>
  %v129 = shl <16 x i32> %v128, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v130 = bitcast <16 x i32> %v129 to <16 x float>
  %v131 = sub <16 x i32> %v127, %v128
  %v132 = shl <16 x i32> %v131, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v133 = bitcast <16 x i32> %v132 to <16 x float>
  %v134 = select <16 x i1> %v111, <16 x float> <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, <16 x float> %v133
  %v135 = fmul <16 x float> %v126, %v130
  %v136 = fmul <16 x float> %v135, %v134
  %v137 = getelementptr float, ptr %v33, i64 %p103
  store <16 x float> %v136, ptr %v137, align 4
  %v138 = fadd <16 x float> %p104, %v136
  %v139 = add i64 %p103, 16
  %v140 = icmp slt i64 %v139, %v101
  %v141 = call i64 asm "", "=r,0"(i64 %v139)
  br i1 %v140, label %loop8, label %done9
done9:
  %p142 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %end7], [%v138, %loop8]
  %v143 = icmp slt i64 %v101, %v10
  br i1 %v143, label %tail10, label %end11
tail10:
  %v144 = sub i64 %v10, %v101
  %v145 = trunc i64 %v144 to i32
  %v146 = insertelement <16 x i32> poison, i32 %v145, i64 0
  %v147 = shufflevector <16 x i32> %v146, <16 x i32> poison, <16 x i32> zeroinitializer
  %v148 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v147
  %v149 = add i64 %v42, %v101
  %v150 = getelementptr float, ptr %v18, i64 %v149
  %v151 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v150, i32 4, <16 x i1> %v148, <16 x float> zeroinitializer)
  %v152 = insertelement <16 x float> poison, float %v99, i64 0
  %v153 = shufflevector <16 x float> %v152, <16 x float> poison, <16 x i32> zeroinitializer
  %v154 = fsub <16 x float> %v151, %v153
  %v155 = fcmp olt <16 x float> %v154, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v156 = fcmp olt <16 x float> %v154, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v157 = select <16 x i1> %v156, <16 x float> <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>, <16 x float> %v154
  %v158 = fcmp ogt <16 x float> %v157, <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>
  %v159 = select <16 x i1> %v158, <16 x float> <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>, <16 x float> %v157
  %v160 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v159, <16 x float> <float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000>, <16 x float> <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>)
  %v161 = fsub <16 x float> %v160, <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>
  %v162 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v161, <16 x float> <float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000>, <16 x float> %v159)
  %v163 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v161, <16 x float> <float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000>, <16 x float> %v162)
  %v164 = fmul <16 x float> %v163, %v163
  %v165 = call <16 x float> @llvm.fma.v16f32(<16 x float> <float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000>, <16 x float> %v163, <16 x float> <float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000>)
  %v166 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v165, <16 x float> %v163, <16 x float> <float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000>)
  %v167 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v166, <16 x float> %v163, <16 x float> <float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000>)
  %v168 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v167, <16 x float> %v163, <16 x float> <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>)
  %v169 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v164, <16 x float> %v168, <16 x float> %v163)
  %v170 = fadd <16 x float> %v169, <float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000>
  %v171 = bitcast <16 x float> %v160 to <16 x i32>
  %v172 = ashr <16 x i32> %v171, <i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1>
  %v173 = shl <16 x i32> %v172, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v174 = bitcast <16 x i32> %v173 to <16 x float>
  %v175 = sub <16 x i32> %v171, %v172
  %v176 = shl <16 x i32> %v175, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v177 = bitcast <16 x i32> %v176 to <16 x float>
  %v178 = select <16 x i1> %v155, <16 x float> <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, <16 x float> %v177
  %v179 = fmul <16 x float> %v170, %v174
  %v180 = fmul <16 x float> %v179, %v178
  %v181 = getelementptr float, ptr %v33, i64 %v101
  store <16 x float> %v180, ptr %v181, align 4
  %v182 = fadd <16 x float> %p142, %v180
  %v183 = select <16 x i1> %v148, <16 x float> %v182, <16 x float> %p142
  br label %end11
end11:
  %p184 = phi <16 x float> [%p142, %done9], [%v183, %tail10]
  %v185 = shufflevector <16 x float> %p184, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v186 = shufflevector <16 x float> %p184, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v187 = fadd <8 x float> %v185, %v186
  %v188 = shufflevector <8 x float> %v187, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v189 = shufflevector <8 x float> %v187, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v190 = fadd <4 x float> %v188, %v189
  %v191 = shufflevector <4 x float> %v190, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v192 = shufflevector <4 x float> %v190, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v193 = fadd <2 x float> %v191, %v192
  %v194 = extractelement <2 x float> %v193, i64 0
  %v195 = extractelement <2 x float> %v193, i64 1
  %v196 = fadd float %v194, %v195
  %v197 = sub i64 %v10, 0
  %v198 = and i64 %v197, -16
  %v199 = icmp slt i64 0, %v198
  br i1 %v199, label %loop12, label %done13
loop12:
  %p200 = phi i64 [0, %end11], [%v210, %loop12]
  %v201 = getelementptr float, ptr %v33, i64 %p200
  %v202 = load <16 x float>, ptr %v201, align 4
  %v203 = insertelement <16 x float> poison, float %v196, i64 0
  %v204 = shufflevector <16 x float> %v203, <16 x float> poison, <16 x i32> zeroinitializer
  %v205 = fdiv <16 x float> %v202, %v204
  %v206 = add i64 %v44, %p200
  %v207 = getelementptr float, ptr %v22, i64 %v206
  store <16 x float> %v205, ptr %v207, align 4
  %v208 = add i64 %p200, 16
  %v209 = icmp slt i64 %v208, %v198
  %v210 = call i64 asm "", "=r,0"(i64 %v208)
  br i1 %v209, label %loop12, label %done13
done13:
  %v211 = icmp slt i64 %v198, %v10
  br i1 %v211, label %tail14, label %end15
tail14:
  %v212 = sub i64 %v10, %v198
  %v213 = trunc i64 %v212 to i32
  %v214 = insertelement <16 x i32> poison, i32 %v213, i64 0
  %v215 = shufflevector <16 x i32> %v214, <16 x i32> poison, <16 x i32> zeroinitializer
  %v216 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v215
  %v217 = getelementptr float, ptr %v33, i64 %v198
  %v218 = load <16 x float>, ptr %v217, align 4
  %v219 = insertelement <16 x float> poison, float %v196, i64 0
  %v220 = shufflevector <16 x float> %v219, <16 x float> poison, <16 x i32> zeroinitializer
  %v221 = fdiv <16 x float> %v218, %v220
  %v222 = add i64 %v44, %v198
  %v223 = getelementptr float, ptr %v22, i64 %v222
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v221, ptr %v223, i32 4, <16 x i1> %v216)
  br label %end15
end15:
  %v224 = add i64 %p39, 1
  %v225 = add i64 %p40, 1
  %v226 = icmp slt i64 %v224, %v37
  %v227 = call i64 asm "", "=r,0"(i64 %v224)
  %v228 = call i64 asm "", "=r,0"(i64 %v225)
  br i1 %v226, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
