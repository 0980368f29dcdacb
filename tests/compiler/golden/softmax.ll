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
  %p39 = phi i64 [%v34, %start3], [%v217, %end15]
  %p40 = phi i64 [%v34, %start3], [%v218, %end15]
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
  %p102 = phi i64 [0, %end7], [%v136, %loop8]
  %p103 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %end7], [%v135, %loop8]
  %v104 = add i64 %v42, %p102
  %v105 = getelementptr float, ptr %v18, i64 %v104
  %v106 = load <16 x float>, ptr %v105, align 4
  %v107 = insertelement <16 x float> poison, float %v98, i64 0
  %v108 = shufflevector <16 x float> %v107, <16 x float> poison, <16 x i32> zeroinitializer
  %v109 = fsub <16 x float> %v106, %v108
  %v110 = fcmp olt <16 x float> %v109, <float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000>
  %v111 = select <16 x i1> %v110, <16 x float> <float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000>, <16 x float> %v109
  %v112 = fcmp ogt <16 x float> %v111, <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>
  %v113 = select <16 x i1> %v112, <16 x float> <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>, <16 x float> %v111
  %v114 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v113, <16 x float> <float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000>, <16 x float> <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>)
  %v115 = fsub <16 x float> %v114, <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>
  %v116 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v115, <16 x float> <float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000>, <16 x float> %v113)
  %v117 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v115, <16 x float> <float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000>, <16 x float> %v116)
  %v118 = fmul <16 x float> %v117, %v117
  %v119 = call <16 x float> @llvm.fma.v16f32(<16 x float> <float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000>, <16 x float> %v117, <16 x float> <float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000>)
  %v120 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v119, <16 x float> %v117, <16 x float> <float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000>)
  %v121 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v120, <16 x float> %v117, <16 x float> <float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000>)
  %v122 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v121, <16 x float> %v117, <16 x float> <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>)
  %v123 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v118, <16 x float> %v122, <16 x float> %v117)
  %v124 = fadd <16 x float> %v123, <float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000>
  %v125 = bitcast <16 x float> %v114 to <16 x i32>
  %v126 = ashr <16 x i32> %v125, <i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1>
  %v127 = shl <16 x i32> %v126, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v128 = bitcast <16 x i32> %v127 to <16 x float>
  %v129 = sub <16 x i32> %v125, %v126
  %v130 = shl <16 x i32> %v129, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v131 = bitcast <16 x i32> %v130 to <16 x float>
  %v132 = fmul <16 x float> %v124, %v128
  %v133 = fmul <16 x float> %v132, %v131
  %v134 = getelementptr float, ptr %v33, i64 %p102
  store <16 x float> %v133, ptr %v134, align 4
  %v135 = fadd <16 x float> %p103, %v133
  %v136 = add i64 %p102, 16
  %v137 = icmp slt i64 %v136, %v100
  br i1 %v137, label %loop8, label %done9
done9:
  %p138 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %end7], [%v135, %loop8]
  %v139 = icmp slt i64 %v100, %v10
  br i1 %v139, label %tail10, label %end11
tail10:
  %v140 = sub i64 %v10, %v100
  %v141 = trunc i64 %v140 to i32
  %v142 = insertelement <16 x i32> poison, i32 %v141, i64 0
  %v143 = shufflevector <16 x i32> %v142, <16 x i32> poison, <16 x i32> zeroinitializer
  %v144 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v143
  %v145 = add i64 %v42, %v100
  %v146 = getelementptr float, ptr %v18, i64 %v145
  %v147 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v146, i32 4, <16 x i1> %v144, <16 x float> zeroinitializer)
  %v148 = insertelement <16 x float> poison, float %v98, i64 0
  %v149 = shufflevector <16 x float> %v148, <16 x float> poison, <16 x i32> zeroinitializer
  %v150 = fsub <16 x float> %v147, %v149
  %v151 = fcmp olt <16 x float> %v150, <float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000>
  %v152 = select <16 x i1> %v151, <16 x float> <float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000, float 0xC05B800000000000>, <16 x float> %v150
  %v153 = fcmp ogt <16 x float> %v152, <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>
  %v154 = select <16 x i1> %v153, <16 x float> <float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000, float 0x4057C00000000000>, <16 x float> %v152
  %v155 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v154, <16 x float> <float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000, float 0x3FF7154760000000>, <16 x float> <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>)
  %v156 = fsub <16 x float> %v155, <float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000, float 0x4168001FC0000000>
  %v157 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v156, <16 x float> <float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000, float 0xBFE62E4300000000>, <16 x float> %v154)
  %v158 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v156, <16 x float> <float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000, float 0x3E205C6100000000>, <16 x float> %v157)
  %v159 = fmul <16 x float> %v158, %v158
  %v160 = call <16 x float> @llvm.fma.v16f32(<16 x float> <float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000, float 0x3F56CD2FA0000000>, <16 x float> %v158, <16 x float> <float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000, float 0x3F8122C320000000>)
  %v161 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v160, <16 x float> %v158, <16 x float> <float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000, float 0x3FA55553A0000000>)
  %v162 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v161, <16 x float> %v158, <16 x float> <float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000, float 0x3FC5554AA0000000>)
  %v163 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v162, <16 x float> %v158, <16 x float> <float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000, float 0x3FE0000000000000>)
  %v164 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v159, <16 x float> %v163, <16 x float> %v158)
  %v165 = fadd <16 x float> %v164, <float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000, float 0x3FF0000000000000>
  %v166 = bitcast <16 x float> %v155 to <16 x i32>
  %v167 = ashr <16 x i32> %v166, <i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1, i32 1>
  %v168 = shl <16 x i32> %v167, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v169 = bitcast <16 x i32> %v168 to <16 x float>
  %v170 = sub <16 x i32> %v166, %v167
  %v171 = shl <16 x i32> %v170, <i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23, i32 23>
  %v172 = bitcast <16 x i32> %v171 to <16 x float>
  %v173 = fmul <16 x float> %v165, %v169
  %v174 = fmul <16 x float> %v173, %v172
  %v175 = getelementptr float, ptr %v33, i64 %v100
  store <16 x float> %v174, ptr %v175, align 4
  %v176 = fadd <16 x float> %p138, %v174
  %v177 = select <16 x i1> %v144, <16 x float> %v176, <16 x float> %p138
  br label %end11
end11:
  %p178 = phi <16 x float> [%p138, %done9], [%v177, %tail10]
  %v179 = shufflevector <16 x float> %p178, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v180 = shufflevector <16 x float> %p178, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v181 = fadd <8 x float> %v179, %v180
  %v182 = shufflevector <8 x float> %v181, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v183 = shufflevector <8 x float> %v181, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v184 = fadd <4 x float> %v182, %v183
  %v185 = shufflevector <4 x float> %v184, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v186 = shufflevector <4 x float> %v184, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v187 = fadd <2 x float> %v185, %v186
  %v188 = extractelement <2 x float> %v187, i64 0
  %v189 = extractelement <2 x float> %v187, i64 1
  %v190 = fadd float %v188, %v189
  %v191 = sub i64 %v10, 0
  %v192 = and i64 %v191, -16
  %v193 = icmp slt i64 0, %v192
  br i1 %v193, label %loop12, label %done13
loop12:
  %p194 = phi i64 [0, %end11], [%v202, %loop12]
  %v195 = getelementptr float, ptr %v33, i64 %p194
  %v196 = load <16 x float>, ptr %v195, align 4
  %v197 = insertelement <16 x float> poison, float %v190, i64 0
  %v198 = shufflevector <16 x float> %v197, <16 x float> poison, <16 x i32> zeroinitializer
  %v199 = fdiv <16 x float> %v196, %v198
  %v200 = add i64 %v44, %p194
  %v201 = getelementptr float, ptr %v22, i64 %v200
  store <16 x float> %v199, ptr %v201, align 4
  %v202 = add i64 %p194, 16
  %v203 = icmp slt i64 %v202, %v192
  br i1 %v203, label %loop12, label %done13
done13:
  %v204 = icmp slt i64 %v192, %v10
  br i1 %v204, label %tail14, label %end15
tail14:
  %v205 = sub i64 %v10, %v192
  %v206 = trunc i64 %v205 to i32
  %v207 = insertelement <16 x i32> poison, i32 %v206, i64 0
  %v208 = shufflevector <16 x i32> %v207, <16 x i32> poison, <16 x i32> zeroinitializer
  %v209 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v208
  %v210 = getelementptr float, ptr %v33, i64 %v192
  %v211 = load <16 x float>, ptr %v210, align 4
  %v212 = insertelement <16 x float> poison, float %v190, i64 0
  %v213 = shufflevector <16 x float> %v212, <16 x float> poison, <16 x i32> zeroinitializer
  %v214 = fdiv <16 x float> %v211, %v213
  %v215 = add i64 %v44, %v192
  %v216 = getelementptr float, ptr %v22, i64 %v215
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v214, ptr %v216, i32 4, <16 x i1> %v209)
  br label %end15
end15:
  %v217 = add i64 %p39, 1
  %v218 = add i64 %p40, 1
  %v219 = icmp slt i64 %v217, %v37
  br i1 %v219, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
