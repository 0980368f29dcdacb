declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end) {
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
  %p39 = phi i64 [%v34, %start3], [%v221, %end15]
  %p40 = phi i64 [%v34, %start3], [%v222, %end15]
  %v41 = mul i64 %p40, %v26
  %v42 = add i64 %v24, %v41
  %v43 = mul i64 %p40, %v30
  %v44 = add i64 %v28, %v43
  %v45 = sub i64 %v10, 0
  %v46 = and i64 %v45, -16
  %v47 = icmp slt i64 0, %v46
  br i1 %v47, label %loop4, label %done5
loop4:
  %p48 = phi i64 [0, %unit1], [%v57, %loop4]
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
  br i1 %v58, label %loop4, label %done5
done5:
  %p59 = phi <16 x float> [<float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000, float 0xFFF0000000000000>, %unit1], [%v56, %loop4]
  %v60 = icmp slt i64 %v46, %v10
  br i1 %v60, label %tail6, label %end7
tail6:
  %v61 = sub i64 %v10, %v46
  %v62 = trunc i64 %v61 to i32
  %v63 = insertelement <16 x i32> poison, i32 %v62, i64 0
  %v64 = shufflevector <16 x i32> %v63, <16 x i32> poison, <16 x i32> zeroinitializer
  %v65 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v64
  %v66 = add i64 %v42, %v46
  %v67 = getelementptr float, ptr %v18, i64 %v66
  %v68 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v67, i32 4, <16 x i1> %v65, <16 x float> zeroinitializer)
  %v69 = fcmp ogt <16 x float> %v68, %p59
  %v70 = select <16 x i1> %v69, <16 x float> %v68, <16 x float> %p59
  %v71 = fcmp uno <16 x float> %v68, %v68
  %v72 = select <16 x i1> %v71, <16 x float> %v68, <16 x float> %v70
  %v73 = select <16 x i1> %v65, <16 x float> %v72, <16 x float> %p59
  br label %end7
end7:
  %p74 = phi <16 x float> [%p59, %done5], [%v73, %tail6]
  %v75 = shufflevector <16 x float> %p74, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v76 = shufflevector <16 x float> %p74, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v77 = fcmp ogt <8 x float> %v76, %v75
  %v78 = select <8 x i1> %v77, <8 x float> %v76, <8 x float> %v75
  %v79 = fcmp uno <8 x float> %v76, %v76
  %v80 = select <8 x i1> %v79, <8 x float> %v76, <8 x float> %v78
  %v81 = shufflevector <8 x float> %v80, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v82 = shufflevector <8 x float> %v80, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v83 = fcmp ogt <4 x float> %v82, %v81
  %v84 = select <4 x i1> %v83, <4 x float> %v82, <4 x float> %v81
  %v85 = fcmp uno <4 x float> %v82, %v82
  %v86 = select <4 x i1> %v85, <4 x float> %v82, <4 x float> %v84
  %v87 = shufflevector <4 x float> %v86, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v88 = shufflevector <4 x float> %v86, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v89 = fcmp ogt <2 x float> %v88, %v87
  %v90 = select <2 x i1> %v89, <2 x float> %v88, <2 x float> %v87
  %v91 = fcmp uno <2 x float> %v88, %v88
  %v92 = select <2 x i1> %v91, <2 x float> %v88, <2 x float> %v90
  %v93 = extractelement <2 x float> %v92, i64 0
  %v94 = extractelement <2 x float> %v92, i64 1
  %v95 = fcmp ogt float %v94, %v93
  %v96 = select i1 %v95, float %v94, float %v93
  %v97 = fcmp uno float %v94, %v94
  %v98 = select i1 %v97, float %v94, float %v96
  %v99 = sub i64 %v10, 0
  %v100 = and i64 %v99, -16
  %v101 = icmp slt i64 0, %v100
  br i1 %v101, label %loop8, label %done9
loop8:
  %p102 = phi i64 [0, %end7], [%v138, %loop8]
  %p103 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %end7], [%v137, %loop8]
  %v104 = add i64 %v42, %p102
  %v105 = getelementptr float, ptr %v18, i64 %v104
  %v106 = load <16 x float>, ptr %v105, align 4
  %v107 = insertelement <16 x float> poison, float %v98, i64 0
  %v108 = shufflevector <16 x float> %v107, <16 x float> poison, <16 x i32> zeroinitializer
  %v109 = fsub <16 x float> %v106, %v108
  %v110 = fcmp olt <16 x float> %v109, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v111 = fcmp olt <16 x float> %v109, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v112 = select <16 x i1> %v111, <16 x float> <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>, <16 x float> %v109
  %v113 = fcmp ogt <16 x float> %v112, <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>
  %v114 = select <16 x i1> %v113, <16 x float> <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>, <16 x float> %v112
  %v115 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v114, <16 x float> <float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000>, <16 x float> <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>)
  %v116 = fsub <16 x float> %v115, <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>
  %v117 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v116, <16 x float> <float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000>, <16 x float> %v114)
  %v118 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v116, <16 x float> <float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000>, <16 x float> %v117)
  %v119 = fmul <16 x float> %v118, %v118
  %v120 = call <16 x float> @llvm.fma.v16f32(<16 x float> <float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000>, <16 x float> %v118, <16 x float> <float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000>)
  %v121 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v120, <16 x float> %v118, <16 x float> <float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000>)
  %v122 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v121, <16 x float> %v118, <16 x float> <float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000>)
  %v123 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v122, <16 x float> %v118, <16 x float> <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>)
  %v124 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v119, <16 x float> %v123, <16 x float> %v118)
  %v125 = fadd <16 x float> %v124, <float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000>
  %v126 = bitcast <16 x float> %v115 to <16 x i32>
  %v127 = ashr <16 x i32> %v126, <i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1>
  %v128 = shl <16 x i32> %v127, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v129 = bitcast <16 x i32> %v128 to <16 x float>
  %v130 = sub <16 x i32> %v126, %v127
  %v131 = shl <16 x i32> %v130, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v132 = bitcast <16 x i32> %v131 to <16 x float>
  %v133 = select <16 x i1> %v110, <16 x float> <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, <16 x float> %v132
  %v134 = fmul <16 x float> %v125, %v129
  %v135 = fmul <16 x float> %v134, %v133
  %v136 = getelementptr float, ptr %v33, i64 %p102
  store <16 x float> %v135, ptr %v136, align 4
  %v137 = fadd <16 x float> %p103, %v135
  %v138 = add i64 %p102, 16
  %v139 = icmp slt i64 %v138, %v100
  br i1 %v139, label %loop8, label %done9
done9:
  %p140 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %end7], [%v137, %loop8]
  %v141 = icmp slt i64 %v100, %v10
  br i1 %v141, label %tail10, label %end11
tail10:
  %v142 = sub i64 %v10, %v100
  %v143 = trunc i64 %v142 to i32
  %v144 = insertelement <16 x i32> poison, i32 %v143, i64 0
  %v145 = shufflevector <16 x i32> %v144, <16 x i32> poison, <16 x i32> zeroinitializer
  %v146 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v145
  %v147 = add i64 %v42, %v100
  %v148 = getelementptr float, ptr %v18, i64 %v147
  %v149 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v148, i32 4, <16 x i1> %v146, <16 x float> zeroinitializer)
  %v150 = insertelement <16 x float> poison, float %v98, i64 0
  %v151 = shufflevector <16 x float> %v150, <16 x float> poison, <16 x i32> zeroinitializer
  %v152 = fsub <16 x float> %v149, %v151
  %v153 = fcmp olt <16 x float> %v152, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v154 = fcmp olt <16 x float> %v152, <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>
  %v155 = select <16 x i1> %v154, <16 x float> <float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000, float 0xC05A200000000000>, <16 x float> %v152
  %v156 = fcmp ogt <16 x float> %v155, <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>
  %v157 = select <16 x i1> %v156, <16 x float> <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>, <16 x float> %v155
  %v158 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v157, <16 x float> <float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000>, <16 x float> <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>)
  %v159 = fsub <16 x float> %v158, <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>
  %v160 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v159, <16 x float> <float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000>, <16 x float> %v157)
  %v161 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v159, <16 x float> <float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000>, <16 x float> %v160)
  %v162 = fmul <16 x float> %v161, %v161
  %v163 = call <16 x float> @llvm.fma.v16f32(<16 x float> <float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000>, <16 x float> %v161, <16 x float> <float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000>)
  %v164 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v163, <16 x float> %v161, <16 x float> <float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000>)
  %v165 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v164, <16 x float> %v161, <16 x float> <float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000>)
  %v166 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v165, <16 x float> %v161, <16 x float> <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>)
  %v167 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v162, <16 x float> %v166, <16 x float> %v161)
  %v168 = fadd <16 x float> %v167, <float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000>
  %v169 = bitcast <16 x float> %v158 to <16 x i32>
  %v170 = ashr <16 x i32> %v169, <i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1>
  %v171 = shl <16 x i32> %v170, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v172 = bitcast <16 x i32> %v171 to <16 x float>
  %v173 = sub <16 x i32> %v169, %v170
  %v174 = shl <16 x i32> %v173, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v175 = bitcast <16 x i32> %v174 to <16 x float>
  %v176 = select <16 x i1> %v153, <16 x float> <float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, <16 x float> %v175
  %v177 = fmul <16 x float> %v168, %v172
  %v178 = fmul <16 x float> %v177, %v176
  %v179 = getelementptr float, ptr %v33, i64 %v100
  store <16 x float> %v178, ptr %v179, align 4
  %v180 = fadd <16 x float> %p140, %v178
  %v181 = select <16 x i1> %v146, <16 x float> %v180, <16 x float> %p140
  br label %end11
end11:
  %p182 = phi <16 x float> [%p140, %done9], [%v181, %tail10]
  %v183 = shufflevector <16 x float> %p182, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v184 = shufflevector <16 x float> %p182, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v185 = fadd <8 x float> %v183, %v184
  %v186 = shufflevector <8 x float> %v185, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v187 = shufflevector <8 x float> %v185, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v188 = fadd <4 x float> %v186, %v187
  %v189 = shufflevector <4 x float> %v188, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v190 = shufflevector <4 x float> %v188, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v191 = fadd <2 x float> %v189, %v190
  %v192 = extractelement <2 x float> %v191, i64 0
  %v193 = extractelement <2 x float> %v191, i64 1
  %v194 = fadd float %v192, %v193
  %v195 = sub i64 %v10, 0
  %v196 = and i64 %v195, -16
  %v197 = icmp slt i64 0, %v196
  br i1 %v197, label %loop12, label %done13
loop12:
  %p198 = phi i64 [0, %end11], [%v206, %loop12]
  %v199 = getelementptr float, ptr %v33, i64 %p198
  %v200 = load <16 x float>, ptr %v199, align 4
  %v201 = insertelement <16 x float> poison, float %v194, i64 0
  %v202 = shufflevector <16 x float> %v201, <16 x float> poison, <16 x i32> zeroinitializer
  %v203 = fdiv <16 x float> %v200, %v202
  %v204 = add i64 %v44, %p198
  %v205 = getelementptr float, ptr %v22, i64 %v204
  store <16 x float> %v203, ptr %v205, align 4
  %v206 = add i64 %p198, 16
  %v207 = icmp slt i64 %v206, %v196
  br i1 %v207, label %loop12, label %done13
done13:
  %v208 = icmp slt i64 %v196, %v10
  br i1 %v208, label %tail14, label %end15
tail14:
  %v209 = sub i64 %v10, %v196
  %v210 = trunc i64 %v209 to i32
  %v211 = insertelement <16 x i32> poison, i32 %v210, i64 0
  %v212 = shufflevector <16 x i32> %v211, <16 x i32> poison, <16 x i32> zeroinitializer
  %v213 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v212
  %v214 = getelementptr float, ptr %v33, i64 %v196
  %v215 = load <16 x float>, ptr %v214, align 4
  %v216 = insertelement <16 x float> poison, float %v194, i64 0
  %v217 = shufflevector <16 x float> %v216, <16 x float> poison, <16 x i32> zeroinitializer
  %v218 = fdiv <16 x float> %v215, %v217
  %v219 = add i64 %v44, %v196
  %v220 = getelementptr float, ptr %v22, i64 %v219
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v218, ptr %v220, i32 4, <16 x i1> %v213)
  br label %end15
end15:
  %v221 = add i64 %p39, 1
  %v222 = add i64 %p40, 1
  %v223 = icmp slt i64 %v221, %v37
  br i1 %v223, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
